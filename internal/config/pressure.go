package config

import "strings"

// PressureSubject says what the checks disk, memory, pids and stall go by. The thresholds of disk and memory are the
// kubelet's own evictionHard.
type PressureSubject struct {
	// KubeletURL is the kubelet's API, which tells its configuration. Default https://127.0.0.1:10250. It must be an
	// address of this machine: the token is sent to nobody else.
	KubeletURL string `json:"kubeletURL"`
	// TokenFile of a service account that may get nodes/configz. Default /var/run/secrets/kubernetes.io/serviceaccount/token.
	TokenFile string `json:"tokenFile"`
	// Nodefs is a folder on the kubelet's file system. Default /var/lib/kubelet. In a pod any volume of the kubelet's,
	// such as an emptyDir, mounted there below hostRoot will do.
	Nodefs string `json:"nodefs"`
	// Imagefs is a folder on the file system of images and containers. Default auto: the first of /var/lib/containerd,
	// /var/lib/containers/storage and /var/lib/docker; in a pod that sees none of them its own root, which lies there.
	Imagefs string `json:"imagefs"`
	// NonContainerPercent of the memory used outside of pods is worth a note. Default 50; 0 never notes it.
	NonContainerPercent int `json:"nonContainerPercent"`
	// PIDPercent of its process numbers must be left to a control group, and to the machine where the kubelet has no
	// pid.available. Default 5: with a limit of 4096 tasks, 205; what leaks tasks uses them up within minutes.
	PIDPercent int `json:"pidPercent"`
	// PIDGroups are the control groups whose limits are looked at. Default: the root, that of all pods, system.slice, and
	// those of the kubelet and the known runtimes; without their tasks no pod starts.
	PIDGroups []string `json:"pidGroups"`
	// MemoryStallPercent of the last 10 s in which all work waited for memory is a fault. Default 40: swapping and
	// refaulting, not the seconds of a large program's start. 0 never is.
	MemoryStallPercent int `json:"memoryStallPercent"`
	// IOStallPercent of the last 10 s and of the last minute in which all work waited for disks is a fault. Default 90:
	// on an idle node one copying program comes near to it. 0 never is.
	IOStallPercent int `json:"ioStallPercent"`
	// CPUStallPercent of the last minute in which some work waited for the CPU is worth a note. Default 95; 0 never
	// notes it.
	CPUStallPercent int `json:"cpuStallPercent"`
}

func defaultPressure() PressureSubject {
	return PressureSubject{
		KubeletURL:          "https://127.0.0.1:10250",
		TokenFile:           "/var/run/secrets/kubernetes.io/serviceaccount/token",
		Nodefs:              "/var/lib/kubelet",
		Imagefs:             "auto",
		NonContainerPercent: 50,
		PIDPercent:          5,
		PIDGroups: []string{
			"/", "/kubepods.slice", "/kubepods", "/system.slice", "/system.slice/kubelet.service",
			"/system.slice/containerd.service", "/system.slice/crio.service", "/system.slice/docker.service",
		},
		MemoryStallPercent: 40,
		IOStallPercent:     90,
		CPUStallPercent:    95,
	}
}

func (s PressureSubject) validate(p *Problems, path string) {
	p.Require(strings.HasPrefix(s.KubeletURL, "https://"), path+".kubeletURL",
		"%q is not an https:// address; the kubelet's own is https://127.0.0.1:10250", s.KubeletURL)
	p.Require(strings.HasPrefix(s.TokenFile, "/"), path+".tokenFile", "%q is not an absolute path", s.TokenFile)
	p.Require(strings.HasPrefix(s.Nodefs, "/"), path+".nodefs", "%q is not an absolute path", s.Nodefs)
	p.Require(s.Imagefs == "auto" || strings.HasPrefix(s.Imagefs, "/"), path+".imagefs",
		"%q is neither auto nor an absolute path", s.Imagefs)
	p.Require(s.PIDPercent >= 1 && s.PIDPercent <= 50, path+".pidPercent", "%d is outside 1 to 50; the default is 5", s.PIDPercent)
	for i, group := range s.PIDGroups {
		p.Require(strings.HasPrefix(group, "/"), indexed(path+".pidGroups", i),
			"%q is not a control group; write it from the root, like /system.slice", group)
	}
	for _, share := range []struct {
		field string
		value int
	}{
		{"nonContainerPercent", s.NonContainerPercent}, {"memoryStallPercent", s.MemoryStallPercent},
		{"ioStallPercent", s.IOStallPercent}, {"cpuStallPercent", s.CPUStallPercent},
	} {
		p.Require(share.value >= 0 && share.value <= 100, path+"."+share.field, "%d is outside 0 to 100; 0 turns it off", share.value)
	}
}
