// Package pki makes the certificates and kubeconfigs of a test cluster.
//
// Everything lasts for a month and lies unprotected in the state folder: it is
// good for one throw-away cluster that nobody outside the machine can reach.
package pki
