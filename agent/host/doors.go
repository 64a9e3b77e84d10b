package host

// Doors are all doors to one machine. They are shared by the checks and may be used concurrently.
type Doors struct {
	Paths     Paths
	Systemd   *Systemd
	Processes *Processes
	HTTP      *HTTP
	Network   *Network
	Conntrack *Conntrack
	Resolver  *Resolver
	Reach     Reach
	OVS       *OVS
	Bird      *Bird
	Netfilter *Netfilter
}

// Open prepares the doors. Nothing is dialled before it is used.
func Open(paths Paths) Doors {
	return Doors{
		Paths:     paths,
		Systemd:   NewSystemd(paths),
		Processes: NewProcesses(paths),
		HTTP:      NewHTTP(paths),
		Network:   &Network{},
		Conntrack: NewConntrack(paths),
		Resolver:  NewResolver(paths),
		OVS:       NewOVS(paths),
		Bird:      NewBird(paths),
		Netfilter: NewNetfilter(paths),
	}
}

// CRI is a door to the container runtime on a socket of the host.
func (d Doors) CRI(socket string) *CRI { return NewCRI(d.Paths.At(socket)) }

// Close lets go of what is open.
func (d Doors) Close() {
	d.Systemd.Close()
	d.OVS.Close()
	d.Netfilter.Close()
}
