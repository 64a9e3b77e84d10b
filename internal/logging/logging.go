// Package logging sets up slog for both binaries, and sends what client-go says through klog to the same handler.
package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"k8s.io/klog/v2"
)

// Config says how to log.
type Config struct {
	// Format is text or json. Default text: people read it with journalctl and kubectl logs.
	Format string `json:"format"`
	// Level is debug, info, warn or error. Default info: transitions, and nothing while the cluster is healthy.
	Level string `json:"level"`
}

// Default is text at info.
func Default() Config { return Config{Format: "text", Level: "info"} }

// Handler builds the handler Config describes. Its error names the valid values.
func Handler(w io.Writer, c Config) (slog.Handler, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		return nil, fmt.Errorf("log level %q is not known; use debug, info, warn or error", c.Level)
	}
	options := &slog.HandlerOptions{Level: level}
	switch c.Format {
	case "text":
		return slog.NewTextHandler(w, options), nil
	case "json":
		return slog.NewJSONHandler(w, options), nil
	default:
		return nil, fmt.Errorf("log format %q is not known; use text or json", c.Format)
	}
}

// Setup returns the logger of this process and makes klog use its handler. Call it once, before any client is built.
func Setup(w io.Writer, c Config) (*slog.Logger, error) {
	handler, err := Handler(w, c)
	if err != nil {
		return nil, err
	}
	klog.SetSlogLogger(slog.New(quieter{handler}).With("from", "client-go"))
	return slog.New(handler), nil
}

// quieter turns Info into Debug. What client-go calls Info (a reflector starts, a lease was acquired) is a look to us;
// our own code says the transitions, and a healthy cluster is quiet.
type quieter struct{ slog.Handler }

func (q quieter) Enabled(ctx context.Context, level slog.Level) bool {
	return q.Handler.Enabled(ctx, quieted(level))
}

func (q quieter) Handle(ctx context.Context, r slog.Record) error {
	r.Level = quieted(r.Level)
	return q.Handler.Handle(ctx, r)
}

func (q quieter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quieter{q.Handler.WithAttrs(attrs)}
}

func (q quieter) WithGroup(name string) slog.Handler { return quieter{q.Handler.WithGroup(name)} }

func quieted(level slog.Level) slog.Level {
	if level == slog.LevelInfo {
		return slog.LevelDebug
	}
	return level
}
