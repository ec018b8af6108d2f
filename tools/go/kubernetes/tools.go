//go:build tools

// Package tools pins the Kubernetes API server and its store that tests run: get-tools.mjs builds them from here.
package tools

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
