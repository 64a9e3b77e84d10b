package host

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// anAnswer is a call that was answered with a body and a status behind it.
func anAnswer(body []byte, status string) *grpcCall {
	return &grpcCall{response: &http.Response{
		Body:    io.NopCloser(bytes.NewReader(body)),
		Trailer: http.Header{"Grpc-Status": {status}},
	}}
}

func framed(message string) []byte {
	return append([]byte{0, 0, 0, 0, byte(len(message))}, message...)
}

func TestGRPCCall_ReadsMessagesAndThenTheStatus(t *testing.T) {
	call := anAnswer(slices.Concat(framed("one"), framed(""), framed("three")), "0")
	for _, want := range []string{"one", "", "three"} {
		got, err := call.next()
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	_, err := call.next()
	require.ErrorIs(t, err, io.EOF)
}

func TestGRPCCall_Only(t *testing.T) {
	for name, c := range map[string]struct {
		body   []byte
		status string
		want   string
		err    error
	}{
		"one message":                    {body: framed("one"), status: "0", want: "one"},
		"an empty message":               {body: framed(""), status: "0"},
		"no message":                     {status: "0", err: &CallError{CodeInternal, "no message in the answer"}},
		"two messages":                   {body: slices.Concat(framed("one"), framed("two")), status: "0", err: &CallError{CodeInternal, "more than one message in the answer"}},
		"a status alone":                 {status: "5", err: &CallError{5, "not here, 100% sure"}},
		"a message and a bad end":        {body: framed("one"), status: "13", err: &CallError{CodeInternal, "not here, 100% sure"}},
		"no status":                      {body: framed("one"), err: &CallError{CodeUnknown, "an answer without a gRPC status"}},
		"a status that is none":          {body: framed("one"), status: "OK", err: &CallError{CodeUnknown, "an answer without a gRPC status"}},
		"compressed":                     {body: []byte{1, 0, 0, 0, 0}, status: "0", err: &CallError{CodeInternal, "a compressed message, which we did not ask for"}},
		"longer than anything we expect": {body: []byte{0, 1, 0, 0, 1}, status: "0", err: &CallError{CodeResourceExhausted, "a message of 16777217 bytes; at most 16777216 are read"}},
		"cut off before its length":      {body: []byte{0, 0, 0}, status: "0", err: io.ErrUnexpectedEOF},
		"cut off after its length":       {body: framed("one")[:5], status: "0", err: io.ErrUnexpectedEOF},
		"cut off in its middle":          {body: framed("one")[:6], status: "0", err: io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			call := anAnswer(c.body, c.status)
			call.response.Trailer.Set("Grpc-Message", "not here, 100%25 sure")
			got, err := call.only()
			require.Equal(t, c.err, err)
			require.Equal(t, c.want, string(got))
		})
	}
}

func TestGRPCCall_AStatusWithoutMessagesComesInFront(t *testing.T) {
	call := anAnswer(nil, "")
	call.response.Header = http.Header{"Grpc-Status": {"12"}, "Grpc-Message": {"100% not escaped"}}
	_, err := call.only()
	require.Equal(t, &CallError{CodeUnimplemented, "100% not escaped"}, err)
}

// serveHTTP2 answers every call on a socket.
func serveHTTP2(t *testing.T, answer http.HandlerFunc) *CRI {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := &http.Server{Handler: answer, Protocols: new(http.Protocols)} //nolint:gosec // a test's
	server.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	cri := NewCRI(socket)
	t.Cleanup(func() { _ = cri.Close() })
	return cri
}

// A server may take leave (GOAWAY) with every answer and be well.
func TestCRI_AServerThatEndsEveryConnectionIsWell(t *testing.T) {
	cri := serveHTTP2(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		_, _ = w.Write(framed(""))
	})
	for range 20 {
		_, err := cri.Status(t.Context(), t.Context())
		require.NoError(t, err)
	}
}

func TestCRI_AnAnswerThatIsNotGRPCs(t *testing.T) {
	for status, want := range map[int]error{
		http.StatusNotFound:            ErrNoCRI,
		http.StatusServiceUnavailable:  ErrRefused,
		http.StatusForbidden:           &CallError{CodePermissionDenied, "HTTP status 403 Forbidden"},
		http.StatusInternalServerError: &CallError{CodeUnknown, "HTTP status 500 Internal Server Error"},
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			cri := serveHTTP2(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			for range 2 {
				_, err := cri.Status(t.Context(), t.Context())
				require.Equal(t, want, err)
			}
		})
	}
}

func FuzzGRPCCall(f *testing.F) {
	f.Add(slices.Concat(framed("one"), framed("two")), "0", "")
	f.Add([]byte{0, 0, 255, 255, 255}, "14", "%zz")
	f.Fuzz(func(t *testing.T, body []byte, status, message string) {
		call := anAnswer(body, status)
		call.response.Trailer.Set("Grpc-Message", message)
		var read int
		for {
			got, err := call.next()
			if err != nil {
				_, isAnswer := errors.AsType[*CallError](err)
				require.True(t, isAnswer || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF), err)
				break
			}
			read += 5 + len(got)
		}
		require.LessOrEqual(t, read, len(body))
	})
}
