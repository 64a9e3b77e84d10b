package v1alpha1

// Reason is a cause, in CamelCase, as shown in the REASON column, in Events, metrics and the decision log.
// Every reason of ours is declared here once, with a sentence for operators; the reference page is generated from Reasons.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^([A-Z][A-Za-z0-9]*)?$`
type Reason string

// Reasons an agent gives for a check.
const (
	ReasonKubeletNotRunning   Reason = "KubeletNotRunning"
	ReasonKubeletNotAnswering Reason = "KubeletNotAnswering"
	ReasonKubeletUnhealthy    Reason = "KubeletUnhealthy"
	ReasonKubeletZombie       Reason = "KubeletZombie"
	ReasonRuntimeNotRunning   Reason = "RuntimeNotRunning"
	ReasonRuntimeNotAnswering Reason = "RuntimeNotAnswering"
	ReasonRuntimeNotReady     Reason = "RuntimeNotReady"
	ReasonRuntimeZombie       Reason = "RuntimeZombie"
	ReasonDockerNotRunning    Reason = "DockerNotRunning"
	ReasonDockerNotAnswering  Reason = "DockerNotAnswering"
	ReasonDockerZombie        Reason = "DockerZombie"
	ReasonUnitNotActive       Reason = "UnitNotActive"
	ReasonProcessMissing      Reason = "ProcessMissing"
	ReasonProcessZombie       Reason = "ProcessZombie"
	ReasonRestarting          Reason = "Restarting"
	ReasonRestartLoop         Reason = "RestartLoop"
	ReasonCheckOverdue        Reason = "CheckOverdue"
	ReasonCheckFailed         Reason = "CheckFailed"
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
	{string(ReasonUnitNotActive), "A systemd unit that the configuration names is not active and no start of it is queued."},
	{string(ReasonProcessMissing), "No process matches what the configuration names."},
	{string(ReasonProcessZombie), "The process the configuration names is a zombie: dead, and not reaped."},
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
