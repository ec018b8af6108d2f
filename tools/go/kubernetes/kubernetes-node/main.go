// Command kubernetes-node is what a cluster of one node runs beside its API server: the kubelet, the controller manager
// and the scheduler of Kubernetes, which share most of their code. Its first argument says which of them it is.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/component-base/version"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: kubernetes-node kubelet|controller-manager|scheduler [flags]")
		return 2
	}
	if args[0] == "--version" {
		fmt.Println("Kubernetes", version.Get().GitVersion)
		return 0
	}
	command := component(args[0])
	if command == nil {
		fmt.Fprintln(os.Stderr, "kubernetes-node has no component", args[0])
		return 2
	}
	os.Args = args
	return cli.Run(command)
}

func component(name string) *cobra.Command {
	switch name {
	case "kubelet":
		return kubelet.NewKubeletCommand(context.Background())
	case "controller-manager":
		return controllermanager.NewControllerManagerCommand()
	case "scheduler":
		return scheduler.NewSchedulerCommand()
	}
	return nil
}
