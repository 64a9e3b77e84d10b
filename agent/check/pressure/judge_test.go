package pressure

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bulkhead-dev/bulkhead/agent/check"
	"github.com/bulkhead-dev/bulkhead/agent/host"
)

const gi = 1 << 30

// words are the reasons in their order, notes in parentheses.
func words(findings []check.Finding) []string {
	var all []string
	for _, f := range findings {
		word := string(f.Reason)
		if f.Note {
			word = "(" + word + ")"
		}
		all = append(all, word)
	}
	return all
}

// aDisk is a file system of 100 GiB and 1000 inodes, with so many left.
func aDisk(bytes, inodes uint64) host.FileSystem {
	return host.FileSystem{Bytes: 100 * gi, BytesAvailable: bytes * gi, Inodes: 1000, InodesFree: inodes}
}

func TestJudgeDisk(t *testing.T) {
	full, none := aDisk(90, 900), host.FileSystem{}
	for name, c := range map[string]struct {
		o    diskObservation
		was  diskCrossed
		want []string
	}{
		"all is well":                      {o: diskObservation{full, full}},
		"exactly at the threshold is well": {o: diskObservation{aDisk(10, 900), full}},
		"nodefs is full":                   {o: diskObservation{aDisk(9, 900), full}, want: []string{"DiskPressure"}},
		"imagefs is full":                  {o: diskObservation{full, aDisk(14, 900)}, want: []string{"ImageDiskPressure"}},
		"one disk for both is full":        {o: diskObservation{aDisk(9, 900), aDisk(9, 900)}, want: []string{"DiskPressure", "ImageDiskPressure"}},
		"no inodes":                        {o: diskObservation{aDisk(90, 49), full}, want: []string{"InodePressure"}},
		"no inodes for images":             {o: diskObservation{full, aDisk(90, 0)}, want: []string{"InodePressure"}},
		"no limit of inodes":               {o: diskObservation{host.FileSystem{Bytes: 100, BytesAvailable: 50}, full}},
		"no image store on this node":      {o: diskObservation{full, none}},
		"still full within the margin":     {o: diskObservation{aDisk(10, 900), full}, was: diskCrossed{nodefs: true}, want: []string{"DiskPressure"}},
		"over beyond it":                   {o: diskObservation{aDisk(11, 900), full}, was: diskCrossed{nodefs: true}},
	} {
		t.Run(name, func(t *testing.T) {
			findings, now := judgeDisk(c.o, kubeletDefaults(), c.was)
			require.Equal(t, c.want, words(findings))
			require.Equal(t, len(c.want) > 0, now != diskCrossed{})
		})
	}
}

func TestJudgeDisk_MessagesAreCoarse(t *testing.T) {
	a, _ := judgeDisk(diskObservation{nodefs: aDisk(6, 900)}, kubeletDefaults(), diskCrossed{})
	b, _ := judgeDisk(diskObservation{nodefs: aDisk(8, 900)}, kubeletDefaults(), diskCrossed{})
	require.Equal(t, "less than 10% of the room of the kubelet's file system is left; the kubelet evicts below 10%", a[0].Message)
	require.Equal(t, a, b)
	none, _ := judgeDisk(diskObservation{nodefs: aDisk(0, 900)}, kubeletDefaults(), diskCrossed{})
	require.Contains(t, none[0].Message, "nothing of the room")
}

func TestJudgeMemory(t *testing.T) {
	of := func(used, available, pods uint64) memoryObservation {
		return memoryObservation{Memory: host.Memory{Total: 10 * gi, Available: available}, workingSet: used, pods: pods, podsKnown: true}
	}
	for name, c := range map[string]struct {
		o    memoryObservation
		was  memoryCrossed
		want []string
	}{
		"all is well":                         {o: of(5*gi, 5*gi, 4*gi)},
		"less than 100 MiB, as the kubelet":   {o: of(10*gi-50<<20, gi, 9*gi), want: []string{"MemoryPressure"}},
		"only the kernel knows":               {o: of(5*gi, 50<<20, 9*gi), want: []string{"MemoryPressure"}},
		"both, told once":                     {o: of(10*gi-50<<20, 50<<20, 9*gi), want: []string{"MemoryPressure"}},
		"more used than there is":             {o: of(11*gi, gi, 9*gi), want: []string{"MemoryPressure"}},
		"within the margin":                   {o: of(10*gi-105<<20, gi, 9*gi), was: memoryCrossed{kubelet: true}, want: []string{"MemoryPressure"}},
		"beyond it":                           {o: of(10*gi-115<<20, gi, 9*gi), was: memoryCrossed{kubelet: true}},
		"most is used outside of pods":        {o: of(6*gi, 4*gi, gi/2), want: []string{"(NonContainerMemory)"}},
		"nobody knows what pods use":          {o: memoryObservation{Memory: host.Memory{Total: 10 * gi, Available: gi}, workingSet: gi}},
		"outside: within its margin":          {o: of(6*gi, 5*gi, gi/3), was: memoryCrossed{outside: true}, want: []string{"(NonContainerMemory)"}},
		"outside: beyond it":                  {o: of(6*gi, 6*gi, gi/3), was: memoryCrossed{outside: true}},
		"pods hold more in files than in use": {o: of(6*gi, 4*gi, 8*gi)},
	} {
		t.Run(name, func(t *testing.T) {
			findings, _ := judgeMemory(c.o, kubeletDefaults(), 50, c.was)
			require.Equal(t, c.want, words(findings))
		})
	}
}

func TestJudgePIDs(t *testing.T) {
	kubelets := kubeletDefaults()
	kubelets.PIDs = share(20)
	well := host.Tasks{Count: 100, Limit: 1000}
	for name, c := range map[string]struct {
		o    pidsObservation
		t    Thresholds
		was  pidsCrossed
		want []string
	}{
		"all is well":                     {o: pidsObservation{machine: well}},
		"by ours, the kubelet has none":   {o: pidsObservation{machine: host.Tasks{Count: 960, Limit: 1000}}, want: []string{"PIDPressure"}},
		"by the kubelet's":                {o: pidsObservation{machine: host.Tasks{Count: 810, Limit: 1000}}, t: kubelets, want: []string{"PIDPressure"}},
		"above ours":                      {o: pidsObservation{machine: host.Tasks{Count: 810, Limit: 1000}}},
		"more than there may be":          {o: pidsObservation{machine: host.Tasks{Count: 1010, Limit: 1000}}, want: []string{"PIDPressure"}},
		"a group is exhausted":            {o: pidsObservation{well, []taskGroup{{"/system.slice", 4096, 4096}}}, want: []string{"PIDLimit"}},
		"a group has room":                {o: pidsObservation{well, []taskGroup{{"/system.slice", 3800, 4096}}}},
		"a group within the margin":       {o: pidsObservation{well, []taskGroup{{"/a", 947, 1000}}}, was: pidsCrossed{groups: "/a"}, want: []string{"PIDLimit"}},
		"a group beyond it":               {o: pidsObservation{well, []taskGroup{{"/a", 945, 1000}}}, was: pidsCrossed{groups: "/a"}},
		"machine and group":               {o: pidsObservation{host.Tasks{Count: 1000, Limit: 1000}, []taskGroup{{"/", 10, 10}}}, want: []string{"PIDPressure", "PIDLimit"}},
		"a group that may have no tasks":  {o: pidsObservation{well, []taskGroup{{"/", 0, 0}}}},
		"a limit below what runs already": {o: pidsObservation{well, []taskGroup{{"/", 9, 5}}}, want: []string{"PIDLimit"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.t == (Thresholds{}) {
				c.t = kubeletDefaults()
			}
			findings, _ := judgePIDs(c.o, c.t, share(5), c.was)
			require.Equal(t, c.want, words(findings))
		})
	}
}

func TestJudgeStall(t *testing.T) {
	full := func(avg10, avg60 float64) *host.Stalls {
		return &host.Stalls{Full: host.Stall{Avg10: avg10, Avg60: avg60}}
	}
	some := func(avg60 float64) *host.Stalls { return &host.Stalls{Some: host.Stall{Avg60: avg60}} }
	for name, c := range map[string]struct {
		o    stallObservation
		was  stallCrossed
		want []string
	}{
		"nothing waits":                        {o: stallObservation{full(0, 0), full(0, 0), some(0)}},
		"nothing is known":                     {},
		"memory: all work waits":               {o: stallObservation{memory: full(40, 0)}, want: []string{"MemoryStall"}},
		"memory: a little less":                {o: stallObservation{memory: full(39.9, 39)}},
		"memory: stays until a quarter below":  {o: stallObservation{memory: full(31, 39)}, was: stallCrossed{memory: true}, want: []string{"MemoryStall"}},
		"memory: over":                         {o: stallObservation{memory: full(29, 39)}, was: stallCrossed{memory: true}},
		"disks: busy for some seconds":         {o: stallObservation{io: full(99, 30)}},
		"disks: busy for a minute":             {o: stallObservation{io: full(99, 91)}, want: []string{"IOStall"}},
		"disks: a busy minute that ended":      {o: stallObservation{io: full(10, 91)}},
		"disks: stays while it waits":          {o: stallObservation{io: full(70, 60)}, was: stallCrossed{io: true}, want: []string{"IOStall"}},
		"disks: over":                          {o: stallObservation{io: full(60, 91)}, was: stallCrossed{io: true}},
		"the CPU is only a note":               {o: stallObservation{cpu: some(96)}, want: []string{"(CPUStall)"}},
		"everything, the gravest first":        {o: stallObservation{full(90, 90), full(95, 95), some(99)}, want: []string{"MemoryStall", "IOStall", "(CPUStall)"}},
		"some work waits for memory, not all":  {o: stallObservation{memory: &host.Stalls{Some: host.Stall{Avg10: 100, Avg60: 100}}}},
		"disks: all of ten seconds, first one": {o: stallObservation{io: full(100, 63)}},
	} {
		t.Run(name, func(t *testing.T) {
			findings, _ := judgeStall(c.o, stallLimits{memory: 40, io: 90, cpu: 95}, c.was)
			require.Equal(t, c.want, words(findings))
		})
	}
}
