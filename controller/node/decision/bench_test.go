package decision

import (
	"fmt"
	"testing"
	"time"

	"github.com/bulkhead-dev/bulkhead/controller/node/protect"
)

// BenchmarkDecide is one pass over a cluster: quiet, with one fault, and with a tenth of its nodes silent.
func BenchmarkDecide(b *testing.B) {
	for _, size := range []int{1000, 5000, 15000} {
		for name, silent := range map[string]int{"quiet": 0, "one silent": 1, "a tenth silent": size / 10} {
			b.Run(fmt.Sprintf("%d nodes/%s", size, name), func(b *testing.B) {
				now := t0.Add(time.Minute)
				nodes := healthy(size)
				var which []int
				for i := range silent {
					which = append(which, i)
				}
				silence(nodes, now, which...)
				p := policy(b)
				s := Snapshot{Nodes: nodes, Ledger: protect.Ledger{}.Lead("a")}
				s.Memory = Decide(s, p, now).Memory
				b.ReportAllocs()
				for b.Loop() {
					Decide(s, p, now)
				}
			})
		}
	}
}
