package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
)

// gRPC over a socket of the machine, by net/http: a call is a POST over HTTP/2 without TLS, a message has five bytes in
// front of it, and the status comes last. docs/decisions/0015 says why it is not google.golang.org/grpc.

// maxMessage of an answer is read. It is the kubelet's own limit for its runtime.
const maxMessage = 16 << 20

// A Code is gRPC's number for how a call ended.
type Code int

// Codes that callers branch on, and those we give ourselves.
const (
	CodeCanceled          Code = 1
	CodeUnknown           Code = 2
	CodeDeadlineExceeded  Code = 4
	CodePermissionDenied  Code = 7
	CodeResourceExhausted Code = 8
	CodeUnimplemented     Code = 12
	CodeInternal          Code = 13
	CodeUnavailable       Code = 14
	CodeUnauthenticated   Code = 16
)

// A CallError is a status that a server answers instead of a message, or an answer that we do not take. The check of the
// runtime branches on it: who answers is alive.
type CallError struct {
	Code    Code
	Message string
}

func (e *CallError) Error() string { return fmt.Sprintf("status %d: %s", e.Code, e.Message) }

// newGRPCTransport makes connections to a socket. There are no pings: servers hang up on clients that ping often, and who
// does not answer is noticed by the deadlines of calls.
func newGRPCTransport(socket string) *http.Transport {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &http.Transport{
		Protocols:          &protocols,
		DisableCompression: true, // HTTP's, which gRPC does not know
		// What the server may send ahead of us. The default of 4 MiB is for distant servers.
		HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
			return conn, ofAnother(err)
		},
	}
}

// A grpcCall is one that was answered: its messages, and then its status.
type grpcCall struct {
	response *http.Response
	message  []byte // the latest; its memory is used again
}

// startGRPC sends a request and waits for the beginning of the answer, which may be as late as the first message. sent is
// called when the request is on its way.
func startGRPC(ctx context.Context, conn *http.ClientConn, method string, message []byte, sent func()) (*grpcCall, error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) {
		if info.Err == nil {
			sent()
		}
	}})
	framed := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))) //nolint:gosec // ours, and short
	body := bytes.NewReader(append(framed, message...))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost"+method, body)
	if err != nil {
		return nil, err
	}
	request.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "User-Agent": {"bulkhead-agent"}}
	response, err := conn.RoundTrip(request) //nolint:bodyclose // grpcCall.close does
	if err != nil {
		return nil, err
	}
	call := &grpcCall{response: response}
	if response.StatusCode != http.StatusOK {
		call.close()
		return nil, &CallError{Code: codeOf(response.StatusCode), Message: "HTTP status " + response.Status}
	}
	return call, nil
}

// codeOf is what gRPC makes of an answer that is not its own.
func codeOf(status int) Code {
	switch status {
	case http.StatusUnauthorized:
		return CodeUnauthenticated
	case http.StatusForbidden:
		return CodePermissionDenied
	case http.StatusNotFound:
		return CodeUnimplemented
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return CodeUnavailable
	default:
		return CodeUnknown
	}
}

// next is the next message, until it is called again; io.EOF after the last one, when the call ended well.
func (c *grpcCall) next() ([]byte, error) {
	var prefix [5]byte // whether it is compressed, and its length
	_, err := io.ReadFull(c.response.Body, prefix[:])
	if errors.Is(err, io.EOF) {
		return nil, c.status()
	}
	if err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(prefix[1:])
	switch {
	case prefix[0] != 0:
		return nil, &CallError{Code: CodeInternal, Message: "a compressed message, which we did not ask for"}
	case length > maxMessage:
		return nil, &CallError{Code: CodeResourceExhausted, Message: fmt.Sprintf("a message of %d bytes; at most %d are read", length, maxMessage)}
	}
	c.message = slices.Grow(c.message[:0], int(length))[:length]
	_, err = io.ReadFull(c.response.Body, c.message)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // in the middle of a message it is no end
	}
	return c.message, err
}

// only is the message of a call that has one.
func (c *grpcCall) only() ([]byte, error) {
	message, err := c.next()
	if errors.Is(err, io.EOF) {
		return nil, &CallError{Code: CodeInternal, Message: "no message in the answer"}
	}
	if err != nil {
		return nil, err
	}
	if _, err := c.next(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = &CallError{Code: CodeInternal, Message: "more than one message in the answer"}
		}
		return nil, err
	}
	return message, nil
}

// status is known when the body was read to its end. An answer without any message may have it in front.
func (c *grpcCall) status() error {
	told := c.response.Trailer
	if told.Get("Grpc-Status") == "" {
		told = c.response.Header
	}
	code, err := strconv.Atoi(told.Get("Grpc-Status"))
	if err != nil {
		return &CallError{Code: CodeUnknown, Message: "an answer without a gRPC status"}
	}
	if code == 0 {
		return io.EOF
	}
	message, err := url.PathUnescape(told.Get("Grpc-Message"))
	if err != nil {
		message = told.Get("Grpc-Message")
	}
	return &CallError{Code: Code(code), Message: message}
}

// close ends the call, wherever it is.
func (c *grpcCall) close() { _ = c.response.Body.Close() } // read to its end or given up
