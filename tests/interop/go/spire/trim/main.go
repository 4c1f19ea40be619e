// Copies SPIRE's published module without the plugins that nothing here asks for: its code stays as it is, but for the lists of
// what is built in. Those bring in the SDKs of three clouds and most of the time that SPIRE takes to build.
//
//	go run ./trim FOLDER && go build -modfile=FOLDER/go.mod ...
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const module = "github.com/spiffe/spire"

// What the configurations name that interop and bench write, and what SPIRE insists on.
var kept = map[string]bool{"jointoken": true, "memory": true, "unix": true}

var (
	imported = regexp.MustCompile(`^\t(?:(\w+) )?"` + regexp.QuoteMeta(module) + `/pkg/(?:agent|server)/plugin/\w+/(\w+)"$`)
	listed   = regexp.MustCompile(`\b(\w+)\.BuiltIn\(\),?`)
)

func main() {
	if err := copyTrimmed(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "trim:", err)
		os.Exit(1)
	}
}

func copyTrimmed(folder string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	told, err := exec.Command("go", "mod", "download", "-json", module).Output()
	if err != nil {
		return fmt.Errorf("%w: %s", err, told)
	}
	var published struct{ Dir string }
	if err := json.Unmarshal(told, &published); err != nil {
		return err
	}
	copied := filepath.Join(folder, "spire")
	if err := os.CopyFS(copied, os.DirFS(published.Dir)); err != nil {
		return err
	}
	if err := trimLists(copied); err != nil {
		return err
	}
	return replace(folder, copied)
}

// Beside the copy stands a go.mod that has it in place of what is published.
func replace(folder, copied string) error {
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if name == "go.mod" {
			text = fmt.Appendf(text, "\nreplace %s => %s\n", module, copied)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func trimLists(copied string) error {
	lists, err := filepath.Glob(filepath.Join(copied, "pkg", "*", "catalog", "*.go"))
	if err != nil {
		return err
	}
	all := 0
	for _, file := range lists {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		trimmed, dropped := trim(string(text))
		all += dropped
		if err := os.WriteFile(file, []byte(trimmed), 0o644); err != nil {
			return err
		}
	}
	if all == 0 {
		return errors.New("no list of plugins looks as it did")
	}
	return nil
}

// A list without the plugins that are not kept, and how many those were.
func trim(list string) (string, int) {
	var lines []string
	dropped := map[string]bool{}
	for line := range strings.SplitSeq(list, "\n") {
		if found := imported.FindStringSubmatch(line); found != nil && !kept[found[2]] {
			name := found[2]
			if found[1] != "" {
				name = found[1]
			}
			dropped[name] = true
			continue
		}
		lines = append(lines, listed.ReplaceAllStringFunc(line, func(entry string) string {
			if name, _, _ := strings.Cut(entry, "."); dropped[name] {
				return ""
			}
			return entry
		}))
	}
	return strings.Join(lines, "\n"), len(dropped)
}
