package logging_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/klog/v2"

	"github.com/bulkhead-dev/bulkhead/internal/logging"
)

func TestHandler_NamesTheValidValues(t *testing.T) {
	for config, message := range map[logging.Config]string{
		{Format: "text", Level: "info"}:  "",
		{Format: "json", Level: "debug"}: "",
		{Format: "xml", Level: "info"}:   `log format "xml" is not known; use text or json`,
		{Format: "text", Level: "loud"}:  `log level "loud" is not known; use debug, info, warn or error`,
	} {
		_, err := logging.Handler(&bytes.Buffer{}, config)
		if message == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, message)
		}
	}
}

func TestSetup_KlogSpeaksThroughTheSameHandler(t *testing.T) {
	var out bytes.Buffer
	log, err := logging.Setup(&out, logging.Default())
	require.NoError(t, err)
	t.Cleanup(klog.ClearLogger)

	log.Info("ours", "node", "n1")
	klog.InfoS("a look of client-go")
	klog.ErrorS(nil, "trouble of client-go")

	require.Contains(t, out.String(), `msg=ours node=n1`)
	require.Contains(t, out.String(), `level=ERROR msg="trouble of client-go" from=client-go`)
	require.NotContains(t, out.String(), "a look of client-go")
}
