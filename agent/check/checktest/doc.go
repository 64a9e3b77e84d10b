// Package checktest holds what tests of several checks share: timing looks, and waiting to be told.
package checktest
