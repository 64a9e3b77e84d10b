package heartbeat

import "errors"

// ErrNoLease says that the node's lease does not exist: the controller creates it, the agent may only renew it.
// The agent's beat loop branches on it to wait quietly instead of logging an error every second.
var ErrNoLease = errors.New("the node has no heartbeat lease yet; the controller creates it when it knows the Node")
