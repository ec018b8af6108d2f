//go:build tools

// Package tools pins the Pulumi CLI: get-tools.mjs builds it from here when no download is possible.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
