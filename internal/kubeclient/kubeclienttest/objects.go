package kubeclienttest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// object serves one object, its status included. A status patch touches the status alone, as with the real server.
func (s *Server) object(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var sent Object
	if len(body) > 0 && json.Unmarshal(body, &sent) != nil {
		answerStatus(w, http.StatusUnsupportedMediaType, "this server reads JSON alone")
		return
	}
	path, isStatus := strings.CutSuffix(r.URL.Path, "/status")
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodPost {
		name, _ := field(sent, "metadata")["name"].(string)
		path += "/" + name
		if s.objects[path] != nil {
			answer(w, http.StatusConflict, Object{"kind": "Status", "apiVersion": "v1", "status": "Failure",
				"code": http.StatusConflict, "reason": "AlreadyExists", "message": path + " already exists"})
			return
		}
		s.store(path, sent)
		answer(w, http.StatusCreated, s.objects[path])
		return
	}
	old := s.objects[path]
	if old == nil {
		answerStatus(w, http.StatusNotFound, path+" not found")
		return
	}
	if conflict := conflictOf(old, sent, r.Method); conflict != "" {
		answerStatus(w, http.StatusConflict, conflict)
		return
	}
	switch r.Method {
	case http.MethodGet:
	case http.MethodPut:
		s.store(path, sent)
	case http.MethodPatch:
		if isStatus {
			sent = Object{"status": sent["status"]}
		}
		patched, _ := merged(clone(old), sent).(Object)
		s.store(path, patched)
	case http.MethodDelete:
		s.remove(path)
		answer(w, http.StatusOK, Object{"kind": "Status", "apiVersion": "v1", "status": "Success"})
		return
	default:
		answerStatus(w, http.StatusMethodNotAllowed, r.Method)
		return
	}
	answer(w, http.StatusOK, s.objects[path])
}

// conflictOf compares what a request expects, in its metadata or its preconditions, with what is stored.
func conflictOf(old, sent Object, method string) string {
	expected := field(sent, "metadata")
	if method == http.MethodDelete {
		expected = field(sent, "preconditions")
	}
	for _, key := range []string{"resourceVersion", "uid"} {
		if want := expected[key]; want != nil && want != "" && want != field(old, "metadata")[key] {
			return fmt.Sprintf("the object has %s %v, not %v", key, field(old, "metadata")[key], want)
		}
	}
	return ""
}

// store needs mu. It gives a new object its UID and every object its next version.
func (s *Server) store(path string, object Object) {
	s.version++
	metadata := field(object, "metadata")
	object["metadata"] = metadata
	object["apiVersion"], object["kind"] = typeOf(path)
	kind := "MODIFIED"
	if old := s.objects[path]; old != nil {
		metadata["uid"] = field(old, "metadata")["uid"]
	} else {
		kind = "ADDED"
		metadata["uid"] = fmt.Sprintf("uid-%d", s.version)
	}
	metadata["resourceVersion"] = fmt.Sprint(s.version)
	s.objects[path] = object
	s.note(kind, path, object)
}

// remove needs mu.
func (s *Server) remove(path string) {
	if object := s.objects[path]; object != nil {
		s.version++
		delete(s.objects, path)
		object = clone(object)
		field(object, "metadata")["resourceVersion"] = fmt.Sprint(s.version)
		s.note("DELETED", path, object)
	}
}

// merged is RFC 7386.
func merged(target, patch any) any {
	changes, ok := patch.(Object)
	if !ok {
		return patch
	}
	object, ok := target.(Object)
	if !ok {
		object = Object{}
	}
	for key, value := range changes {
		if value == nil {
			delete(object, key)
		} else {
			object[key] = merged(object[key], value)
		}
	}
	return object
}

// field is an object's field that is an object, an empty one if there is none.
func field(object Object, key string) Object {
	if value, ok := object[key].(Object); ok {
		return value
	}
	return Object{}
}
