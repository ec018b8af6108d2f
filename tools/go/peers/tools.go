//go:build tools

// Package tools pins the clients that `npm run bench` compares with, and the registries that tests run against:
// get-tools.mjs builds them from here.
package tools

import (
	_ "github.com/google/go-containerregistry/cmd/crane"
	_ "github.com/olareg/olareg/cmd/olareg"
	_ "github.com/regclient/regclient/cmd/regctl"
)
