package v1alpha1

// Reason is a cause, in CamelCase, as shown in the REASON column, in Events, metrics and the decision log.
// Every reason of ours is declared here once, with a sentence for operators; the reference page is generated from Reasons.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^([A-Z][A-Za-z0-9]*)?$`
type Reason string

// Reasons an agent gives for a check.
const (
	ReasonKubeletNotRunning       Reason = "KubeletNotRunning"
	ReasonKubeletNotAnswering     Reason = "KubeletNotAnswering"
	ReasonKubeletUnhealthy        Reason = "KubeletUnhealthy"
	ReasonKubeletZombie           Reason = "KubeletZombie"
	ReasonRuntimeNotRunning       Reason = "RuntimeNotRunning"
	ReasonRuntimeNotAnswering     Reason = "RuntimeNotAnswering"
	ReasonRuntimeNotReady         Reason = "RuntimeNotReady"
	ReasonRuntimeZombie           Reason = "RuntimeZombie"
	ReasonDockerNotRunning        Reason = "DockerNotRunning"
	ReasonDockerNotAnswering      Reason = "DockerNotAnswering"
	ReasonDockerZombie            Reason = "DockerZombie"
	ReasonContainersLost          Reason = "ContainersLost"
	ReasonContainersNotStarting   Reason = "ContainersNotStarting"
	ReasonContainersOrphaned      Reason = "ContainersOrphaned"
	ReasonContainersUnknown       Reason = "ContainersUnknown"
	ReasonContainersGone          Reason = "ContainersGone"
	ReasonUnitNotActive           Reason = "UnitNotActive"
	ReasonProcessMissing          Reason = "ProcessMissing"
	ReasonProcessZombie           Reason = "ProcessZombie"
	ReasonLinkDown                Reason = "LinkDown"
	ReasonLinkFlapping            Reason = "LinkFlapping"
	ReasonLinkSlow                Reason = "LinkSlow"
	ReasonNoDefaultRoute          Reason = "NoDefaultRoute"
	ReasonConntrackFull           Reason = "ConntrackFull"
	ReasonDNSFailing              Reason = "DNSFailing"
	ReasonAPIServerUnreachable    Reason = "APIServerUnreachable"
	ReasonPeersUnreachable        Reason = "PeersUnreachable"
	ReasonOVSVswitchdNotRunning   Reason = "OVSVswitchdNotRunning"
	ReasonOVSVswitchdNotAnswering Reason = "OVSVswitchdNotAnswering"
	ReasonOVSVswitchdZombie       Reason = "OVSVswitchdZombie"
	ReasonOVSDBNotRunning         Reason = "OVSDBNotRunning"
	ReasonOVSDBNotAnswering       Reason = "OVSDBNotAnswering"
	ReasonOVSDBZombie             Reason = "OVSDBZombie"
	ReasonOVSConfigStuck          Reason = "OVSConfigStuck"
	ReasonOVSDatapathMissing      Reason = "OVSDatapathMissing"
	ReasonCalicoFelixNotRunning   Reason = "CalicoFelixNotRunning"
	ReasonCalicoFelixNotAnswering Reason = "CalicoFelixNotAnswering"
	ReasonCalicoFelixUnhealthy    Reason = "CalicoFelixUnhealthy"
	ReasonCalicoFelixZombie       Reason = "CalicoFelixZombie"
	ReasonCalicoBirdNotRunning    Reason = "CalicoBirdNotRunning"
	ReasonCalicoBirdNotAnswering  Reason = "CalicoBirdNotAnswering"
	ReasonCalicoBirdZombie        Reason = "CalicoBirdZombie"
	ReasonCalicoNoPeerEstablished Reason = "CalicoNoPeerEstablished"
	ReasonCalicoConfdNotRunning   Reason = "CalicoConfdNotRunning"
	ReasonCalicoConfdZombie       Reason = "CalicoConfdZombie"
	ReasonDiskPressure            Reason = "DiskPressure"
	ReasonImageDiskPressure       Reason = "ImageDiskPressure"
	ReasonInodePressure           Reason = "InodePressure"
	ReasonMemoryPressure          Reason = "MemoryPressure"
	ReasonNonContainerMemory      Reason = "NonContainerMemory"
	ReasonPIDPressure             Reason = "PIDPressure"
	ReasonPIDLimit                Reason = "PIDLimit"
	ReasonMemoryStall             Reason = "MemoryStall"
	ReasonIOStall                 Reason = "IOStall"
	ReasonCPUStall                Reason = "CPUStall"
	ReasonNetfilterEmpty          Reason = "NetfilterEmpty"
	ReasonNetfilterAnchorMissing  Reason = "NetfilterAnchorMissing"
	ReasonNetfilterNoDestinations Reason = "NetfilterNoDestinations"
	ReasonRestarting              Reason = "Restarting"
	ReasonRestartLoop             Reason = "RestartLoop"
	ReasonCheckOverdue            Reason = "CheckOverdue"
	ReasonCheckFailed             Reason = "CheckFailed"
)

// Reasons the controller gives for a verdict or an action.
const (
	ReasonSilent           Reason = "Silent"
	ReasonNodeDown         Reason = "NodeDown"
	ReasonAgentDown        Reason = "AgentDown"
	ReasonNodeCutOff       Reason = "NodeCutOff"
	ReasonBlind            Reason = "Blind"
	ReasonUnheard          Reason = "Unheard"
	ReasonNotReported      Reason = "NotReported"
	ReasonLeaving          Reason = "Leaving"
	ReasonPlannedDeparture Reason = "PlannedDeparture"
	ReasonByHand           Reason = "ByHand"
	ReasonReleasedByHand   Reason = "ReleasedByHand"
	ReasonRecovered        Reason = "Recovered"
)

// Brake is what holds an action back.
//
// +kubebuilder:validation:MaxLength=63
type Brake string

// The brakes, the most telling first: when several hold, the first of them is the headline.
const (
	BrakeLedgerUnreadable  Brake = "LedgerUnreadable"
	BrakeBlind             Brake = "Blind"
	BrakeTooFewAlive       Brake = "TooFewAlive"
	BrakePersonLock        Brake = "PersonLock"
	BrakeProtected         Brake = "Protected"
	BrakeControlPlane      Brake = "ControlPlane"
	BrakeLastSchedulable   Brake = "LastSchedulable"
	BrakeHardCeiling       Brake = "HardCeiling"
	BrakeDryRun            Brake = "DryRun"
	BrakeStorm             Brake = "Storm"
	BrakeCorrelated        Brake = "Correlated"
	BrakeReleasedByHand    Brake = "ReleasedByHand"
	BrakeBudgetSpent       Brake = "BudgetSpent"
	BrakeZoneBudgetSpent   Brake = "ZoneBudgetSpent"
	BrakeMaxUnavailable    Brake = "MaxUnavailable"
	BrakePace              Brake = "Pace"
	BrakeReversibleCeiling Brake = "ReversibleCeiling"
)

// Entry is a line of the catalogue.
type Entry struct {
	// Name is the reason or brake.
	Name string
	// Sentence says what it means, for the person on call.
	Sentence string
}

// Reasons is the catalogue of reasons.
var Reasons = []Entry{
	{string(ReasonKubeletNotRunning), "The kubelet's unit is failed, masked or stopped with no restart queued, or its main process is gone."},
	{string(ReasonKubeletNotAnswering), "The kubelet runs and does not answer on its healthz address: frozen, deadlocked or overloaded."},
	{string(ReasonKubeletUnhealthy), "The kubelet answers healthz with an error of its own."},
	{string(ReasonKubeletZombie), "The kubelet's main process is a zombie: dead, and not reaped."},
	{string(ReasonRuntimeNotRunning), "The container runtime the kubelet uses is failed, masked or stopped with no restart queued, or its main process is gone."},
	{string(ReasonRuntimeNotAnswering), "The container runtime accepts no call on its CRI socket, or does not answer in time."},
	{string(ReasonRuntimeNotReady), "The container runtime answers and says that it is not ready."},
	{string(ReasonRuntimeZombie), "The container runtime's main process is a zombie: dead, and not reaped."},
	{string(ReasonDockerNotRunning), "dockerd is failed, masked or stopped with no restart queued, or its process is gone."},
	{string(ReasonDockerNotAnswering), "dockerd does not answer a ping on its socket in time."},
	{string(ReasonDockerZombie), "dockerd's main process is a zombie: dead, and not reaped."},
	{string(ReasonContainersLost), "Most of the node's long-running containers exited together and nothing was started since, though the kubelet starts such containers again at once."},
	{string(ReasonContainersNotStarting), "Containers of several pods were created and have not started for minutes: the runtime or its shims are stuck."},
	{string(ReasonContainersOrphaned), "Containers of several pods run in sandboxes that are not ready, and nobody has ended them for minutes."},
	{string(ReasonContainersUnknown), "The runtime has lost the processes of containers of several pods and does not know their state."},
	{string(ReasonContainersGone), "The runtime says that containers of several pods run, and their processes are gone or zombies: their shims are stuck."},
	{string(ReasonUnitNotActive), "A systemd unit that the configuration names is not active and no start of it is queued."},
	{string(ReasonProcessMissing), "No process matches what the configuration names."},
	{string(ReasonProcessZombie), "The process the configuration names is a zombie: dead, and not reaped."},
	{string(ReasonLinkDown), "A network interface that carries the node's address or its default route is down, has no carrier, or was removed."},
	{string(ReasonLinkFlapping), "The carrier of the node's network interface comes and goes: a cable, a switch port or a driver at fault."},
	{string(ReasonLinkSlow), "Connecting to most of the sampled other nodes takes far longer than a network should: packets are lost or queued."},
	{string(ReasonNoDefaultRoute), "The node had a default route and has none any more."},
	{string(ReasonConntrackFull), "The kernel's table of tracked connections is full or nearly so, and new connections are dropped."},
	{string(ReasonDNSFailing), "None of the host's name servers answers."},
	{string(ReasonAPIServerUnreachable), "No known address of the API server accepts a connection from this node."},
	{string(ReasonPeersUnreachable), "Most of the sampled other nodes, which this node reached before, cannot be reached any more."},
	{string(ReasonOVSVswitchdNotRunning), "ovs-vswitchd, which forwards for Open vSwitch, is failed or stopped with no restart queued, or its process is gone."},
	{string(ReasonOVSVswitchdNotAnswering), "ovs-vswitchd runs and does not answer on its control socket: stopped, deadlocked or overloaded."},
	{string(ReasonOVSVswitchdZombie), "ovs-vswitchd's process is a zombie: dead, and not reaped."},
	{string(ReasonOVSDBNotRunning), "ovsdb-server, which holds Open vSwitch's configuration, is failed or stopped with no restart queued, or its process is gone."},
	{string(ReasonOVSDBNotAnswering), "ovsdb-server runs and does not answer on its database or its control socket."},
	{string(ReasonOVSDBZombie), "ovsdb-server's process is a zombie: dead, and not reaped."},
	{string(ReasonOVSConfigStuck), "Somebody waits for a configuration of Open vSwitch, and ovs-vswitchd has carried out none for a while."},
	{string(ReasonOVSDatapathMissing), "Bridges of Open vSwitch want the kernel's datapath, and the kernel has none."},
	{string(ReasonCalicoFelixNotRunning), "Calico's felix, which writes routes and rules, was here and is gone."},
	{string(ReasonCalicoFelixNotAnswering), "felix runs and does not answer on its health port."},
	{string(ReasonCalicoFelixUnhealthy), "felix answers that it is not live: one of its loops hangs."},
	{string(ReasonCalicoFelixZombie), "felix's process is a zombie: dead, and not reaped."},
	{string(ReasonCalicoBirdNotRunning), "Calico's BIRD, which exchanges routes with the other nodes, was here and is gone."},
	{string(ReasonCalicoBirdNotAnswering), "BIRD runs and does not answer on its control socket."},
	{string(ReasonCalicoBirdZombie), "BIRD's process is a zombie: dead, and not reaped."},
	{string(ReasonCalicoNoPeerEstablished), "BIRD has BGP peers and a session with none of them: routes to other nodes' pods are missing or will be."},
	{string(ReasonCalicoConfdNotRunning), "Calico's confd, which writes BIRD's configuration, was here and is gone."},
	{string(ReasonCalicoConfdZombie), "confd's process is a zombie: dead, and not reaped."},
	{string(ReasonDiskPressure), "Less room is left on the kubelet's file system than its eviction threshold."},
	{string(ReasonImageDiskPressure), "Less room is left on the file system of images and containers than the kubelet's eviction threshold."},
	{string(ReasonInodePressure), "Fewer inodes are left on the kubelet's or the runtime's file system than the kubelet's eviction threshold."},
	{string(ReasonMemoryPressure), "Less memory is left than the kubelet's eviction threshold, as the kubelet or as the kernel counts it."},
	{string(ReasonNonContainerMemory), "Much of the memory is used outside of pods, by daemons or the kernel. Only a note."},
	{string(ReasonPIDPressure), "Too few process numbers are left on the node: soon nothing new can start."},
	{string(ReasonPIDLimit), "A control group of the node, such as the runtime's or that of all pods, may start hardly any more tasks. The kubelet does not look at it."},
	{string(ReasonMemoryStall), "All work waits for memory for much of the time: the node thrashes."},
	{string(ReasonIOStall), "All work has waited for disks for nearly all of the last minute."},
	{string(ReasonCPUStall), "Work waits for the CPU nearly all the time. Only a note."},
	{string(ReasonNetfilterEmpty), "None of the packet filter rules that kube-proxy or calico keeps on this node is there: the ruleset was emptied."},
	{string(ReasonNetfilterAnchorMissing), "Rules through which packets reach those of kube-proxy or calico are missing from the packet filter, while others are there."},
	{string(ReasonNetfilterNoDestinations), "kube-proxy's rules lead to no endpoint, though there are some: the service kubernetes always has one while an API server runs."},
	{string(ReasonRestarting), "systemd is restarting the daemon and it is within its grace. Nothing is done yet."},
	{string(ReasonRestartLoop), "The daemon was restarted for the third time within ten minutes."},
	{string(ReasonCheckOverdue), "A look at the subsystem did not come back. The check says Unknown until it does; Unknown never isolates."},
	{string(ReasonCheckFailed), "The check could not tell, and says why. Unknown never isolates."},
	{string(ReasonSilent), "The node missed the beats its agent promised. Others are being asked before it is called dead."},
	{string(ReasonNodeDown), "The node is silent, and so is every witness: it does not answer on the kubelet's or the agent's port and its kubelet renewed nothing."},
	{string(ReasonAgentDown), "The agent is silent but the node answers. The agent is at fault, not the node."},
	{string(ReasonNodeCutOff), "Other nodes reach this one; the control plane does not."},
	{string(ReasonBlind), "The controller cannot tell: its own view is not fresh, or too few other nodes were seen alive since this one fell silent."},
	{string(ReasonUnheard), "No agent was ever heard on this node, so its silence says nothing."},
	{string(ReasonNotReported), "The node is heard, but what its agent found does not arrive: the agent may not, or cannot, write its status."},
	{string(ReasonLeaving), "The node said that it is shutting down."},
	{string(ReasonPlannedDeparture), "Somebody is taking the node away on purpose: it is being deleted, drained, or marked by an autoscaler."},
	{string(ReasonByHand), "A person asked for the isolation with spec.intent Isolate."},
	{string(ReasonReleasedByHand), "Somebody removed our taint. The node is left alone for one window unless a person asks."},
	{string(ReasonRecovered), "The node has been healthy for long enough; our taint is removed."},
}

// Brakes is the catalogue of brakes.
var Brakes = []Entry{
	{string(BrakeLedgerUnreadable), "The ledger or the locks could not be read or written. Without them nothing is isolated."},
	{string(BrakeBlind), "The controller's own view of the cluster has not been fresh for long enough."},
	{string(BrakeTooFewAlive), "Too few of the other nodes were heard after this one fell silent: the fault may be ours."},
	{string(BrakePersonLock), "A ProtectionLock covers the node."},
	{string(BrakeProtected), "A person set spec.intent Protect on the node."},
	{string(BrakeControlPlane), "The policy leaves control-plane nodes alone."},
	{string(BrakeLastSchedulable), "It is the last node that pods can be scheduled to."},
	{string(BrakeHardCeiling), "Half of the nodes would be isolated. No configuration allows that."},
	{string(BrakeDryRun), "The policy is in dry run."},
	{string(BrakeStorm), "Too many nodes are suspect at once: the cause is probably not in the nodes."},
	{string(BrakeCorrelated), "The same check began to fail on several nodes: the cause is probably outside the nodes."},
	{string(BrakeReleasedByHand), "Somebody removed our taint from this node within the window."},
	{string(BrakeBudgetSpent), "The cluster's budget of isolations for this window is spent."},
	{string(BrakeZoneBudgetSpent), "The zone's budget of isolations for this window is spent."},
	{string(BrakeMaxUnavailable), "Too many nodes are unavailable already: isolated, NotReady or cordoned."},
	{string(BrakePace), "Another node was isolated moments ago; the next may follow after the pace."},
	{string(BrakeReversibleCeiling), "Too many nodes carry our NoSchedule taint already."},
}
