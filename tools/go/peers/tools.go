//go:build tools

// Package tools pins the clients that `npm run bench` compares with: get-tools.mjs builds them from here.
package tools

import (
	_ "github.com/google/go-containerregistry/cmd/crane"
	_ "github.com/regclient/regclient/cmd/regctl"
)
