package host

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadOVS_AVersion(t *testing.T) {
	for reply, want := range map[string]string{
		`{"error":null,"id":0,"result":"ovs-vswitchd (Open vSwitch) 3.1.0\n"}`: "ovs-vswitchd (Open vSwitch) 3.1.0\n",
		`{"error":"\"x\" is not a valid command\n","id":0,"result":null}`:      "error",
		`{"error":null,"id":1,"result":"of another"}`:                          "error",
		`{"id":0}`:             "error",
		`{"id":0,"result":[]}`: "error",
		`{"method":"echo","id":"echo","params":[]}`: "error",
		`HTTP/1.1 400`: "error",
		``:             "error",
	} {
		got, err := readOVS[string](strings.NewReader(reply))
		if err != nil {
			got = "error"
		}
		require.Equal(t, want, got, reply)
	}
}

func FuzzReadOVS(f *testing.F) {
	f.Add([]byte(`{"error":null,"id":0,"result":"ovs-vswitchd (Open vSwitch) 3.1.0\n"}`))
	f.Add([]byte(`{"error":"no","id":0,"result":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, err := readOVS[string](bytes.NewReader(raw))
		if err == nil {
			require.True(t, bytes.Contains(raw, []byte("{")))
		}
	})
}

func TestReadBird(t *testing.T) {
	for answer, want := range map[string]string{
		"0013 up\n":                          "0013=up",
		"1000-a\n1011-b\n c\n+log\n0013 d\n": "1000=a 1011=b 1011=c 0013=d",
		"0000 \n":                            "0000=",
		"9001 syntax error\n":                "error",
		"8002 not started\n":                 "error",
		"c\n":                                "error",
		" c\n":                               "error",
		"00x0 c\n":                           "error",
		"0000\n":                             "error",
		"1000-a\n":                           "error",
		"":                                   "error",
		strings.Repeat("1", 5000) + "\n":     "error",
		strings.Repeat("1000-a\n", 30000):    "error",
	} {
		var got []string
		err := readBird(bufio.NewReader(strings.NewReader(answer)), func(code, text string) { got = append(got, code+"="+text) })
		if err != nil {
			got = []string{"error"}
		}
		require.Equal(t, want, strings.Join(got, " "), "%.40q", answer)
	}
}

// Lines as BIRD 1.6 with Calico's patches, 2.0 and 3 write them.
func TestReadProtocol(t *testing.T) {
	peer := func(state, info string) BirdProtocol {
		return BirdProtocol{Name: "Mesh_10_0_0_2", Kind: "BGP", State: state, Info: info}
	}
	for line, want := range map[string]BirdProtocol{
		"Mesh_10_0_0_2 BGP      master   up     14:10:12    Established   ":                  peer("up", "Established"),
		"Mesh_10_0_0_2 BGP      master   up     2016-11-21  Established":                     peer("up", "Established"),
		"Mesh_10_0_0_2 BGP      master   start  14:10:12    Active        Socket: No route":  peer("start", "Active Socket: No route"),
		"Mesh_10_0_0_2 BGP        ---        up     2026-11-21 12:00:00.123  Established   ": peer("up", "Established"),
		"Mesh_10_0_0_2 BGP        ---        down   12:00:00.123  ":                          peer("down", ""),
		"kernel1  Kernel   master   up     2016-11-21":                                       {Name: "kernel1", Kind: "Kernel", State: "up"},
	} {
		got, isProtocol := readProtocol(line)
		require.True(t, isProtocol)
		require.Equal(t, want, got, line)
	}
	_, isProtocol := readProtocol("")
	require.False(t, isProtocol)
}

func FuzzTalk(f *testing.F) {
	f.Add([]byte("0001 BIRD 2.0.12 ready.\n1000-BIRD 2.0.12\n1011-Router ID is 10.0.0.1\n Hostname is n1\n0013 Daemon is up and running\n" +
		"2002-Name       Proto      Table      State  Since         Info\n1002-device1    Device     ---        up     12:00:00.123  \n" +
		" Mesh_10_0_0_2 BGP        ---        up     12:00:00.123  Established   \n0000 \n"))
	f.Add([]byte("0001 BIRD v0.3.3+birdv1.6.8 ready.\n0024-Graceful restart recovery in progress\n0013 x\n1002-a b c d\n0000 \n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		status, err := talk(struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(raw), io.Discard})
		if err == nil {
			for _, p := range status.Protocols {
				require.NotEmpty(t, p.Name)
				require.NotEmpty(t, p.State)
			}
		}
	})
}

func parseDatabase(reply []byte) (OVSDatabase, error) {
	results, err := readOVS[[]selected](bytes.NewReader(reply))
	if err != nil {
		return OVSDatabase{}, err
	}
	return readDatabase(results)
}

func TestReadDatabase(t *testing.T) {
	for result, want := range map[string]any{
		`[{"rows":[]},{"rows":[]}]`:                             OVSDatabase{},
		`[{"rows":[{"cur_cfg":3,"next_cfg":4}]},{"rows":[]}]`:   OVSDatabase{CurrentConfig: 3, NextConfig: 4},
		`[{"rows":[{"cur_cfg":3}]},{"rows":[]}]`:                "error",
		`[{"rows":[{"cur_cfg":"3","next_cfg":4}]},{"rows":[]}]`: "error",
		`[{"rows":[null]},{"rows":[]}]`:                         "error",
		`[{"rows":[]},{"rows":[{"datapath_type":""},{"datapath_type":"system"},{"datapath_type":"netdev"}]}]`: OVSDatabase{KernelBridges: 2},
		`[{"rows":[]},{"rows":[{"datapath_type":["set",[]]}]}]`:                                               "error",
		`[{"error":"unknown table","details":"no table named Bridge"},null]`:                                  "error",
		`[{"rows":[]},{"rows":[]},{"error":"I/O error","details":"it is full"}]`:                              "error",
		`[]`:                       "error",
		`{"error":"not an array"}`: "error",
		`null`:                     "error",
	} {
		var got any
		got, err := parseDatabase([]byte(`{"id":0,"error":null,"result":` + result + `}`))
		if err != nil {
			got = "error"
		}
		require.Equal(t, want, got, result)
	}
	_, err := parseDatabase([]byte(`{"id":0,"result":null,"error":{"error":"unknown database","details":"Open_vSwitch"}}`))
	require.ErrorContains(t, err, "unknown database")
}

func FuzzReadDatabase(f *testing.F) {
	f.Add([]byte(`{"id":0,"error":null,"result":[{"rows":[{"cur_cfg":1,"next_cfg":1}]},{"rows":[{"datapath_type":"netdev"}]}]}`))
	f.Add([]byte(`{"id":0,"error":null,"result":[{"error":"unknown column","details":"x","syntax":"y"},null]}`))
	f.Add([]byte(`{"id":null,"error":null,"result":[]}`))
	f.Add([]byte(`{"method":"echo","id":"echo","params":[]}{"method":"update","id":null,"params":[]}`))
	f.Add([]byte(`{"id":7}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`nonsense`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		database, err := parseDatabase(raw)
		if err != nil {
			require.Zero(t, database)
		}
	})
}
