package feed

import (
	"fmt"
	"reflect"
)

// store is a Feed as a reflector fills it: a cache.ReflectorStore.
type store[T Object] struct{ feed *Feed[T] }

func (s store[T]) Add(obj any) error { return s.Update(obj) }

func (s store[T]) Update(obj any) error {
	o, ok := obj.(T)
	if !ok {
		return fmt.Errorf("following %s: got a %T", s.feed.kind, obj)
	}
	s.feed.set(o)
	return nil
}

func (s store[T]) Delete(obj any) error {
	o, ok := obj.(T)
	if !ok {
		return fmt.Errorf("following %s: got a %T", s.feed.kind, obj)
	}
	s.feed.remove(keyOf(o))
	return nil
}

// Replace is a full listing. What was told before and is not in it is gone.
func (s store[T]) Replace(list []any, _ string) error {
	listed := make(map[string]bool, len(list))
	for _, obj := range list {
		if err := s.Update(obj); err != nil {
			return err
		}
		listed[keyOf(obj.(T))] = true
	}
	for _, key := range s.feed.keys() {
		if !listed[key] {
			s.feed.remove(key)
		}
	}
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	s.feed.synced = true
	return nil
}

func (s store[T]) Resync() error { return nil }

// newOf makes an empty object of a pointer type, which a reflector wants for its type only.
func newOf[T any](T) any {
	var none T
	return reflect.New(reflect.TypeOf(none).Elem()).Interface()
}
