package pressure

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// A Threshold is how little may be left: a share or an amount. The zero value is never crossed.
type Threshold struct {
	text    string
	percent float64
	amount  uint64
}

// parseThreshold reads "10%" or "100Mi" as the kubelet does, for which 0% and 100% mean none.
func parseThreshold(text string) (Threshold, error) {
	if share, isShare := strings.CutSuffix(text, "%"); isShare {
		percent, err := strconv.ParseFloat(share, 64)
		if err != nil {
			return Threshold{}, err
		}
		if !(percent >= 0 && percent <= 100) { // NaN is neither
			return Threshold{}, fmt.Errorf("%q is outside 0%% to 100%%", text)
		}
		if percent == 0 || percent == 100 {
			return Threshold{}, nil
		}
		return Threshold{text: text, percent: percent}, nil
	}
	// ParseQuantity spells out 1e999999 in digits, which takes seconds.
	if mark := strings.LastIndexAny(text, "eE"); len(text) > 40 || (mark >= 0 && len(text)-mark > len("e+18")) {
		return Threshold{}, fmt.Errorf("%.40q is no amount", text)
	}
	quantity, err := resource.ParseQuantity(text)
	if err != nil {
		return Threshold{}, err
	}
	if quantity.Sign() < 0 {
		return Threshold{}, fmt.Errorf("%q is negative", text)
	}
	if quantity.CmpInt64(math.MaxInt64) >= 0 {
		return Threshold{text: text, amount: math.MaxInt64}, nil
	}
	return Threshold{text: text, amount: uint64(quantity.Value())}, nil
}

func share(percent int) Threshold {
	return Threshold{text: strconv.Itoa(percent) + "%", percent: float64(percent)}
}

// least is what must be left of so much: at least one, or else a group of ten tasks could never be short of 5 %.
func (t Threshold) least(capacity uint64) uint64 {
	if t.percent > 0 {
		return min(uint64(math.Ceil(float64(capacity)*t.percent/100)), capacity)
	}
	return t.amount
}

// isCrossed says that too little is left. Once it was crossed a tenth more is asked for, so that what hovers at the edge
// does not come and go: with 10 %, below 10 % and back at 11 %.
func (t Threshold) isCrossed(available, capacity uint64, was bool) bool {
	least := t.least(capacity)
	if was && least < capacity {
		least += min(least/10, (capacity-least)/2)
	}
	return available < least
}

func (t Threshold) String() string { return t.text }

// leftOver puts what is left in words that do not change with every look.
func leftOver(available, capacity uint64) string {
	if available == 0 {
		return "nothing"
	}
	for _, percent := range []uint64{1, 2, 5, 10, 20, 50} {
		if float64(available) < float64(capacity)*float64(percent)/100 {
			return fmt.Sprintf("less than %d%%", percent)
		}
	}
	return "more than half"
}
