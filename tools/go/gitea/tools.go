//go:build tools

// Package tools pins the registry of Gitea, which tests run against: get-tools.mjs builds it from here.
package tools

import (
	_ "code.gitea.io/gitea"
)
