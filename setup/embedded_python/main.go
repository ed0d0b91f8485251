// Unpacks the CPython that the module go-embed-python holds, for this machine, into a folder: `embedded-python FOLDER`.
package main

import (
	"fmt"
	"os"

	"github.com/kluctl/go-embed-python/python"
)

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("usage: embedded-python FOLDER"))
	}
	_, err := python.NewEmbeddedPythonWithTmpDir(os.Args[1], false)
	fail(err)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
