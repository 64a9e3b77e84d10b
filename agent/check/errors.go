package check

import "errors"

// ErrOverdue says that a look did not come back by its deadline. Belief branches on it to say CheckOverdue.
var ErrOverdue = errors.New("the look did not come back by its deadline; it is not started again until it does")

var (
	errVanished = errors.New("it was here before and is not found any more")
	errAsleep   = errors.New("the agent itself was not running while it looked")
)
