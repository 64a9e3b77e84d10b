package fault

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"

	"github.com/bulkhead-dev/bulkhead/test/cluster/network"
)

var networkVerbs = []Verb{
	{Name: "cut", Undo: "heal", Short: "pull the node's cable", Do: onNode(network.Cut)},
	{Name: "heal", Short: "plug the node's cable in again", Do: onNode(network.Heal)},
	{Name: "slow", Args: "RATE", Undo: "clear-network", Short: "limit the node's network to RATE both ways, such as 512kbit or 2mbit", Do: slow},
	{Name: "lossy", Args: "PERCENT", Undo: "clear-network", Short: "lose PERCENT of the node's frames both ways, such as 30 or 0.5", Do: lossy},
	{Name: "half-cut", Undo: "clear-network", Short: "nobody reaches the node, but it reaches everybody: new TCP connections to it are dropped", Do: onNode(network.HalfCut)},
	{Name: "clear-network", Short: "take back slow, lossy and half-cut", Do: onNode(network.Clear)},
	{Name: "flush-rules", Undo: "restart-rules", Short: "empty the node's nftables, services included", Do: onNode(network.FlushRules)},
	{Name: "restart-rules", Short: "restart kube-proxy, which writes its rules anew", Do: restartRules},
}

func onNode(do func(string) (time.Time, error)) func(context.Context, Target) (time.Time, error) {
	return func(_ context.Context, t Target) (time.Time, error) { return do(t.Node.Name) }
}

var rate = regexp.MustCompile(`^[1-9][0-9]*(kbit|mbit)$`)

func slow(_ context.Context, t Target) (time.Time, error) {
	if !rate.MatchString(t.Args[0]) {
		return time.Time{}, fmt.Errorf("rate %q: write a number and kbit or mbit, such as 512kbit", t.Args[0])
	}
	return network.Slow(t.Node.Name, t.Args[0])
}

func lossy(_ context.Context, t Target) (time.Time, error) {
	perMille, err := perMille(t.Args[0])
	if err != nil {
		return time.Time{}, err
	}
	return network.Lose(t.Node.Name, perMille)
}

func perMille(percent string) (int, error) {
	value, err := strconv.ParseFloat(percent, 64)
	if err != nil || !(value >= 0.1 && value <= 100) { // NaN is neither
		return 0, fmt.Errorf("percent %q: write a number from 0.1 to 100", percent)
	}
	return int(math.Round(value * 10)), nil
}

func restartRules(ctx context.Context, t Target) (time.Time, error) {
	t.Args = []string{"kube-proxy"}
	return systemctl("restart")(ctx, t)
}
