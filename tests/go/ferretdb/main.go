// A MongoDB-protocol server for tests: FerretDB's embedding API over SQLite.
//
// FerretDB's own command can't be built as a dependency (its version file is not part of the module),
// so this is the smallest program around the API it offers for that case.
//
//	ferretdb DATA-FOLDER [USER]
//
// It listens on a free loopback port and prints one line, the URI, once it does. With a user (whose password is
// the variable PASSWORD) every command needs authentication by SCRAM; the account lies in the database admin.
// With the variables CERTIFICATE and KEY, files both, it speaks TLS alone; with REPLICA_SET it is the only member of
// that set; with ONLY_DATABASE a client sees and reads that one alone.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func serve(args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("usage: ferretdb DATA-FOLDER [USER]")
	}
	listener := ferretdb.ListenerConfig{TCP: "127.0.0.1:0"}
	if certificate := os.Getenv("CERTIFICATE"); certificate != "" {
		listener = ferretdb.ListenerConfig{TLS: "127.0.0.1:0", TLSCertFile: certificate, TLSKeyFile: os.Getenv("KEY")}
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  listener,
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Handler:   "sqlite",
		SQLiteURL: "file:" + args[0] + "/",
	})
	if err != nil {
		return err
	}
	if len(args) == 2 {
		if err := requireLogin(server, args[1], os.Getenv("PASSWORD")); err != nil {
			return err
		}
	}
	if name := os.Getenv("REPLICA_SET"); name != "" {
		if err := joinReplicaSet(server, name); err != nil {
			return err
		}
	}
	if name := os.Getenv("ONLY_DATABASE"); name != "" {
		showOnly(server, name)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	fmt.Println(server.MongoDBURI())
	return server.Run(ctx)
}
