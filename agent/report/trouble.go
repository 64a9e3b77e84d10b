package report

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-dev/bulkhead/internal/heartbeat"
)

// repeatEvery is how often a trouble that lasts is said again.
const repeatEvery = time.Minute

// trouble says what keeps the agent from reporting: once when it begins, once a minute while it lasts, once when it is
// over. Beats and status fail together when the API server is down; that is one trouble and one line.
type trouble struct {
	log *slog.Logger

	mu   sync.Mutex           // guards everything below
	now  map[string]string    // what each loop suffers from, absent if nothing
	said map[string]time.Time // when each was last said
}

func newTrouble(log *slog.Logger) *trouble {
	return &trouble{log: log, now: map[string]string{}, said: map[string]time.Time{}}
}

// note takes the outcome of one call of one loop.
func (t *trouble) note(loop string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.end(loop)
		return
	}
	line := explain(err)
	t.now[loop] = line
	if last, known := t.said[line]; known && time.Since(last) < repeatEvery {
		return
	}
	t.said[line] = time.Now()
	if errors.Is(err, heartbeat.ErrNoLease) {
		t.log.Info("cannot report", "trouble", line, "err", err) // the controller is told of new Nodes a moment after us
		return
	}
	t.log.Warn("cannot report", "trouble", line, "err", err)
}

// end needs mu. Only what nobody suffers from any more is over.
func (t *trouble) end(loop string) {
	line, had := t.now[loop]
	delete(t.now, loop)
	if !had {
		return
	}
	for _, other := range t.now {
		if other == line {
			return
		}
	}
	delete(t.said, line)
	t.log.Info("can report again", "troubleOver", line)
}

// explain is one line for people: what is wrong and what to do about it.
func explain(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return explainStatus(err, status)
	}
	if errors.Is(err, heartbeat.ErrNoLease) {
		return "this node has no heartbeat lease yet; the controller makes it, see that one is running"
	}
	return "the API server does not answer; checks go on, what they find is sent when it does"
}

func explainStatus(err error, status apierrors.APIStatus) string {
	switch {
	case apierrors.IsForbidden(err):
		// The API server's message names user, verb and resource.
		return fmt.Sprintf("the API server refuses us; install the chart's roles for the agent: %s", status.Status().Message)
	case apierrors.IsUnauthorized(err):
		return "the API server does not know our credentials; check the service account's token, or --kubeconfig"
	case apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse):
		// Not the object was not found but the path: "404 page not found", in plain text.
		return "the API server does not know NodeHealth; install the chart's CRDs"
	case apierrors.IsNotFound(err):
		return "this node has no NodeHealth yet; the controller makes it, see that one is running"
	case apierrors.IsInvalid(err):
		return "the API server finds our status invalid; agent and CRDs are of different versions: " + status.Status().Message
	default:
		return "the API server answers with an error; checks go on, what they find is sent when it stops"
	}
}
