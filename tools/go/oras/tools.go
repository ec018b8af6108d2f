//go:build tools

// Package tools pins oras, whose archives `npm run test:root` reads: get-tools.mjs builds it from here.
package tools

import (
	_ "oras.land/oras/cmd/oras"
)
