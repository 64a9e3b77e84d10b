package wait

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFor_PollsUntilTheConditionHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		err := For(t.Context(), "luck", time.Minute, func(context.Context) error {
			if calls++; calls < 3 {
				return errors.New("not yet")
			}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 3, calls)
	})
}

func TestFor_SaysWhatItSawLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := For(t.Context(), "luck", time.Second, func(context.Context) error { return errors.New("n1 is not ready") })
		require.EqualError(t, err, "waiting for luck: not within 1s; last seen: n1 is not ready")
	})
}

func TestFor_GivesUpWhenToldTo(t *testing.T) {
	gone := errors.New("etcd has ended")
	err := For(t.Context(), "luck", time.Minute, func(context.Context) error { return Never(gone) })
	require.ErrorIs(t, err, gone)
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(path, []byte("a\nb\nc\n"), 0o644))
	require.Equal(t, "b\nc", Tail(path, 2))
	require.Equal(t, "a\nb\nc", Tail(path, 9))
}
