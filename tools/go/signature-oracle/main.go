// Command signature-oracle prints whether the image library of CRI-O and podman lets an image be pulled. It reads one
// JSON case per line from standard input, pulls the image into a folder that it removes again, and prints one JSON
// result per line.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"go.podman.io/image/v5/copy"
	"go.podman.io/image/v5/directory"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/types"
)

// version is set by the linker.
var version = "v0.0.0"

// pullCase is a pull as a node makes it. Paths are of files and folders as on a node.
type pullCase struct {
	Reference      string          `json:"reference"`
	Policy         json.RawMessage `json:"policy"`
	RegistriesConf string          `json:"registriesConf"`
	RegistriesDir  string          `json:"registriesDir"`
	CertDir        string          `json:"certDir"`
	AuthFile       string          `json:"authFile"`
	Architecture   string          `json:"architecture"`
}

// result of a pull: accepted, or why not.
type result struct {
	Accepted bool   `json:"accepted"`
	Error    string `json:"error,omitempty"`
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println("signature-oracle", version)
		return
	}
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "signature-oracle:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(bufio.NewReader(in))
	decoder.DisallowUnknownFields()
	encoder := json.NewEncoder(out)
	for {
		var one pullCase
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a case: %w", err)
		}
		verdict := result{Accepted: true}
		if err := pull(one); err != nil {
			verdict = result{Error: err.Error()}
		}
		if err := encoder.Encode(verdict); err != nil {
			return err
		}
	}
}

// pull copies an image as CRI-O does: of an index, the image of one platform.
func pull(one pullCase) error {
	policy, err := signature.NewPolicyFromBytes(one.Policy)
	if err != nil {
		return fmt.Errorf("policy.json: %w", err)
	}
	policyContext, err := signature.NewPolicyContext(policy)
	if err != nil {
		return err
	}
	defer policyContext.Destroy()
	source, err := docker.ParseReference("//" + one.Reference)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "signature-oracle-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	destination, err := directory.NewReference(folder)
	if err != nil {
		return err
	}
	system := &types.SystemContext{
		SystemRegistriesConfPath:    one.RegistriesConf,
		SystemRegistriesConfDirPath: one.RegistriesDir,
		RegistriesDirPath:           one.RegistriesDir,
		DockerCertPath:              one.CertDir,
		AuthFilePath:                one.AuthFile,
		ArchitectureChoice:          one.Architecture,
		OSChoice:                    "linux",
	}
	// CRI-O leaves signatures out of its storage (internal/storage, pullImageImplementation).
	_, err = copy.Image(context.Background(), policyContext, destination, source, &copy.Options{
		SourceCtx:        system,
		RemoveSignatures: true,
	})
	return err
}
