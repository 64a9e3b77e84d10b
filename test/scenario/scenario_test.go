package scenario

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the transcripts anew")

const separator = "----"

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(f)
			require.NoError(t, err)
			got, err := play(string(want))
			require.NoError(t, err)
			if *update {
				require.NoError(t, os.WriteFile(f, []byte(got), 0o600))
				return
			}
			require.Equal(t, string(want), got)
		})
	}
}

// play runs a transcript and returns it with what was decided.
func play(text string) (string, error) {
	var w *world
	var out strings.Builder
	expecting := false
	for number, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		switch {
		case line == "":
			expecting = false
			out.WriteString("\n")
		case expecting: // the old expectation; what happened was written already
		case strings.HasPrefix(line, "#"):
			out.WriteString(line + "\n")
		case line == separator:
			expecting = true
			out.WriteString(separator + "\n")
			out.WriteString(strings.Join(append(w.out, ""), "\n"))
			if len(w.out) == 0 {
				out.WriteString("nothing\n")
			}
			w.out = nil
		default:
			out.WriteString(line + "\n")
			for command := range strings.SplitSeq(line, ";") {
				words := strings.Fields(command)
				if len(words) == 0 {
					continue
				}
				var err error
				if words[0] == "cluster" {
					w, err = cluster(words[1:])
				} else {
					err = w.command(words)
				}
				if err != nil {
					return "", fmt.Errorf("line %d: %s: %w", number+1, command, err)
				}
			}
		}
	}
	return out.String(), nil
}
