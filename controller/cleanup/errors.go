package cleanup

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

func about(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// unlessGone drops "not found", which a missing CRD answers too.
func unlessGone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func unlessThere(err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
