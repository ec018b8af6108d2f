//go:build tools

// Package tools pins Pebble, an ACME server that some tests order certificates from: get-tools.mjs builds it from here.
package tools

import (
	_ "github.com/letsencrypt/pebble/v2/cmd/pebble"
	_ "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv"
)
