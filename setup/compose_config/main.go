// Reads a compose file as `docker compose config` does, and prints it resolved as JSON: `compose-config FILE`.
//
// The loader is Compose's own; its command would bring all of Docker's client.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("usage: compose-config FILE"))
	}
	options, err := cli.NewProjectOptions(os.Args[1:], cli.WithOsEnv, cli.WithResolvedPaths(true))
	fail(err)
	project, err := options.LoadProject(context.Background())
	fail(err)
	text, err := project.MarshalJSON()
	fail(err)
	fmt.Println(string(text))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
