//go:build tools

// Package tools pins the OCI registry server: get-tools.mjs builds it from here when no download is possible.
package tools

import _ "github.com/distribution/distribution/v3/cmd/registry"
