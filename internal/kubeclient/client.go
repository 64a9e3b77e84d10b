package kubeclient

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/connrotation"
)

// Options say how to reach the API server.
type Options struct {
	// Kubeconfig is a file; empty means the pod's service account.
	Kubeconfig string
	// Servers are addresses, host:port, to try last.
	Servers []string
	// StateDir keeps the remembered addresses; empty keeps them in memory only.
	StateDir string
	// UserAgent names this program to the API server.
	UserAgent string
	// QPS and Burst limit each REST client built from this one. Default 50 and 100.
	QPS   float32
	Burst int
	Log   *slog.Logger
}

// A Client is the way to the API server. All methods may be called concurrently.
type Client struct {
	config  *rest.Config
	base    *url.URL
	http    *http.Client
	dialer  *dialer
	tracker *connrotation.Dialer
	clock   *Clock
	memory  *memory
	log     *slog.Logger
}

// New reads the credentials and builds the client. It does not talk to the API server, so that an API server that is
// down at start stops nothing.
func New(o Options) (*Client, error) {
	config, err := load(o.Kubeconfig)
	if err != nil {
		return nil, err
	}
	return NewFor(config, o)
}

// NewFor is New for a configuration already read.
func NewFor(config *rest.Config, o Options) (*Client, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	noticeDeadConnections()
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("reading the API server's address %q: %w", config.Host, err)
	}
	memory, err := remember(o.StateDir)
	if err != nil {
		o.Log.Warn("remembered API server addresses are not usable, starting without them", "err", err)
	}
	c := &Client{
		config: rest.CopyConfig(config),
		base:   base,
		dialer: &dialer{configured: hostPort(base), remembered: memory.Addresses, given: o.Servers, log: o.Log},
		clock:  &Clock{},
		memory: memory,
		log:    o.Log,
	}
	c.tracker = connrotation.NewDialer(c.dialer.DialContext)
	c.config.Dial = c.tracker.DialContext
	c.config.Wrap(c.clock.wrap)
	c.config.UserAgent = o.UserAgent
	c.config.QPS, c.config.Burst = 50, 100
	if o.QPS != 0 {
		c.config.QPS, c.config.Burst = o.QPS, o.Burst
	}
	if c.http, err = rest.HTTPClientFor(c.config); err != nil {
		return nil, fmt.Errorf("building the API client: %w", err)
	}
	return c, nil
}

// Config is for building clients of other packages: together with HTTP, as in kubernetes.NewForConfigAndClient.
func (c *Client) Config() *rest.Config { return rest.CopyConfig(c.config) }

// HTTP is the one HTTP client of this process. Clients that share it share connections, Reset and Clock.
func (c *Client) HTTP() *http.Client { return c.http }

// Clock is what the API server's answers said of the time.
func (c *Client) Clock() *Clock { return c.clock }

// REST builds a client for one group and version on a scheme of the caller's own. To the scheme it adds what the API
// server answers for any group: without Status, an error would lose the message that says who may not do what.
func (c *Client) REST(gv schema.GroupVersion, scheme *runtime.Scheme) (rest.Interface, error) {
	config := c.Config()
	config.GroupVersion = &gv
	config.APIPath = "/apis"
	if gv.Group == "" {
		config.APIPath = "/api"
	}
	if strings.HasSuffix(gv.Group, ".k8s.io") { // built in, so the server has it in protobuf too; JSON costs it several times the CPU
		config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	}
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.RESTClientForConfigAndClient(config, c.http)
	if err != nil {
		return nil, fmt.Errorf("building a client for %s: %w", gv, err)
	}
	return client, nil
}

// Reset closes all connections, watches included, and sends the address in use to the end of the line. Call it when a
// call overran its deadline: client-go alone would hold on to a dead HTTP/2 connection for 30 to 45 s.
func (c *Client) Reset() {
	c.dialer.Demote()
	c.tracker.CloseAll()
}

// Overran is Reset for a call that began at the given time and overran its deadline, unless
//   - the connections were reset since: when several calls hang on one dead connection, the first to notice is enough,
//     and the connection made after it must not be blamed; or
//   - every address has had its reset and nothing was answered: then the API server is slow, not a connection dead, and
//     thousands of agents that shake hands with it every second would not make it faster. One reset per calmly is left.
func (c *Client) Overran(began time.Time) {
	if c.dialer.MayDemote(began, time.Now(), c.clock.LastAnswer()) {
		c.Reset()
	}
}

// Addresses are all addresses of the API server that we know, host:port, in the order we would try them now.
func (c *Client) Addresses() []string { return c.dialer.line(time.Now()) }

// LocalIP is this machine's address on the newest connection to the API server, invalid before the first one.
func (c *Client) LocalIP() netip.Addr { return c.dialer.LocalIP() }

func load(kubeconfig string) (*rest.Config, error) {
	if kubeconfig != "" {
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return nil, fmt.Errorf("reading kubeconfig %s: %w; check --kubeconfig", kubeconfig, err)
		}
		return config, nil
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the pod's service account: %w; outside a cluster give --kubeconfig", err)
	}
	return config, nil
}

// noticeDeadConnections makes client-go's HTTP/2 ask a quiet connection whether it lives after 3 s, and give it up 2 s
// later. The defaults are 30 s and 15 s; a controller that took 45 s to notice that its watch is dead would be blind
// for as long. client-go takes these from the environment only; an operator's own values stand.
func noticeDeadConnections() {
	for name, seconds := range map[string]string{
		"HTTP2_READ_IDLE_TIMEOUT_SECONDS": "3",
		"HTTP2_PING_TIMEOUT_SECONDS":      "2",
	} {
		if os.Getenv(name) == "" {
			_ = os.Setenv(name, seconds) // fails only for impossible names
		}
	}
}

func hostPort(base *url.URL) string {
	port := base.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[base.Scheme]
	}
	return net.JoinHostPort(base.Hostname(), port)
}
