package host

import (
	"errors"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// The lists are read field by field: of 500 containers with their labels, annotations and images the generated code makes
// 30 000 objects, every ten seconds.

// parseContainers reads a ListContainersResponse: containers 1.
func parseContainers(raw []byte) ([]Container, error) {
	var list []Container
	var problems error
	err := eachField(raw, func(number int, bytes []byte, _ uint64) {
		if number == 1 {
			one, err := parseContainer(bytes)
			list, problems = append(list, one), errors.Join(problems, err)
		}
	})
	return list, errors.Join(err, problems)
}

// parseContainer reads a Container: id 1, pod_sandbox_id 2, metadata 3 (name 1, attempt 2), state 6, created_at 7.
func parseContainer(raw []byte) (Container, error) {
	c := Container{State: ContainerCreated} // the state that is 0 is not sent
	var problem error
	err := eachField(raw, func(number int, bytes []byte, value uint64) {
		switch number {
		case 1:
			c.ID = string(bytes)
		case 2:
			c.Sandbox = string(bytes)
		case 3:
			problem = eachField(bytes, func(number int, bytes []byte, value uint64) {
				switch number {
				case 1:
					c.Name = string(bytes)
				case 2:
					c.Attempt = uint32(value) //nolint:gosec // it is one
				}
			})
		case 6:
			c.State = containerState(cri.ContainerState(value)) //nolint:gosec // a number of ours or none
		case 7:
			c.Created = time.Unix(0, int64(value)) //nolint:gosec // an int64 in two's complement
		}
	})
	return c, errors.Join(err, problem)
}

// parseSandboxes reads a ListPodSandboxResponse: items 1.
func parseSandboxes(raw []byte) ([]Sandbox, error) {
	var list []Sandbox
	var problems error
	err := eachField(raw, func(number int, bytes []byte, _ uint64) {
		if number == 1 {
			one, err := parseSandbox(bytes)
			list, problems = append(list, one), errors.Join(problems, err)
		}
	})
	return list, errors.Join(err, problems)
}

// parseSandbox reads a PodSandbox: id 1, metadata 2 (name 1, uid 2, namespace 3), state 3.
func parseSandbox(raw []byte) (Sandbox, error) {
	s := Sandbox{Ready: true} // the state that is 0 is not sent
	var problem error
	err := eachField(raw, func(number int, bytes []byte, value uint64) {
		switch number {
		case 1:
			s.ID = string(bytes)
		case 2:
			problem = eachField(bytes, func(number int, bytes []byte, _ uint64) {
				switch number {
				case 1:
					s.Pod = string(bytes)
				case 2:
					s.UID = string(bytes)
				case 3:
					s.Namespace = string(bytes)
				}
			})
		case 3:
			s.Ready = cri.PodSandboxState(value) == cri.PodSandboxState_SANDBOX_READY //nolint:gosec // as above
		}
	})
	return s, errors.Join(err, problem)
}
