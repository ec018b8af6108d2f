//go:build tools

// Package tools pins Pulumi's Node.js language host: get-tools.mjs builds it from here when no download is possible.
package tools

import _ "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs"
