// Command rules-oracle prints what OpenShift's own library makes of mirror objects. It reads one JSON case per line from
// standard input and prints one JSON result per line.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/containers/image/v5/pkg/sysregistriesv2"
	configv1 "github.com/openshift/api/config/v1"
	operatorv1alpha1 "github.com/openshift/api/operator/v1alpha1"
	"github.com/openshift/runtime-utils/pkg/registries"
)

// version is set by the linker.
var version = "v0.0.0"

type ruleCase struct {
	ICSP               []*operatorv1alpha1.ImageContentSourcePolicy `json:"icsp"`
	IDMS               []*configv1.ImageDigestMirrorSet             `json:"idms"`
	ITMS               []*configv1.ImageTagMirrorSet                `json:"itms"`
	InsecureRegistries []string                                     `json:"insecureRegistries"`
	BlockedRegistries  []string                                     `json:"blockedRegistries"`
}

// result has either of its fields.
type result struct {
	TOML  string `json:"toml,omitempty"`
	Error string `json:"error,omitempty"`
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println("rules-oracle", version)
		return
	}
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "rules-oracle:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(bufio.NewReader(in))
	decoder.DisallowUnknownFields()
	encoder := json.NewEncoder(out)
	for {
		var one ruleCase
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a case: %w", err)
		}
		if err := encoder.Encode(render(one)); err != nil {
			return err
		}
	}
}

func render(one ruleCase) result {
	for _, scope := range append(one.InsecureRegistries, one.BlockedRegistries...) {
		if !registries.IsValidRegistriesConfScope(scope) {
			return result{Error: fmt.Sprintf("invalid entry for insecure or blocked registries %q", scope)}
		}
	}
	conf := sysregistriesv2.V2RegistriesConf{
		UnqualifiedSearchRegistries: []string{"registry.access.redhat.com", "docker.io"},
	}
	err := registries.EditRegistriesConfig(&conf, one.InsecureRegistries, one.BlockedRegistries, one.ICSP, one.IDMS, one.ITMS)
	if err != nil {
		return result{Error: err.Error()}
	}
	var text strings.Builder
	if err := toml.NewEncoder(&text).Encode(conf); err != nil {
		return result{Error: err.Error()}
	}
	return result{TOML: text.String()}
}
