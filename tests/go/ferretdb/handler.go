package main

import (
	"context"
	"fmt"
	"net/url"
	"reflect"
	"unsafe"

	"github.com/FerretDB/FerretDB/ferretdb"
	"github.com/FerretDB/wire"
	"github.com/FerretDB/wire/wirebson"
)

// The embedding API has switches neither for FerretDB's SCRAM authentication ("new auth", in its own command an
// experimental flag) nor for the name of a replica set, and FerretDB knows no rights. So the options of its handler are
// set and its commands replaced from outside, and two steps of the handler's start taken once more.

//go:linkname setup github.com/FerretDB/FerretDB/internal/handler.(*Handler).setup
func setup(handler unsafe.Pointer) error

//go:linkname initCommands github.com/FerretDB/FerretDB/internal/handler.(*Handler).initCommands
func initCommands(handler unsafe.Pointer)

// requireLogin creates the account and lets nobody else in; to be called before the server runs.
func requireLogin(server *ferretdb.FerretDB, user, password string) error {
	handler, options := handlerOf(server).UnsafePointer(), optionsOf(server)
	options.FieldByName("EnableNewAuth").SetBool(true)
	options.FieldByName("SetupDatabase").SetString("admin")
	options.FieldByName("SetupUsername").SetString(user)
	// A struct of this one string.
	*(*string)(options.FieldByName("SetupPassword").Addr().UnsafePointer()) = password
	if err := setup(handler); err != nil {
		return err
	}
	initCommands(handler)
	return nil
}

// joinReplicaSet makes the server the only member of a replica set; to be called before the server runs.
func joinReplicaSet(server *ferretdb.FerretDB, name string) error {
	uri, err := url.Parse(server.MongoDBURI())
	if err != nil {
		return err
	}
	options := optionsOf(server)
	options.FieldByName("ReplSetName").SetString(name)
	// Clients go on with the address that the members name, whatever they have asked first.
	options.FieldByName("TCPHost").SetString(uri.Host)
	return nil
}

// answer is what makes a reply of a message.
type answer = func(context.Context, *wire.OpMsg) (*wire.OpMsg, error)

// showOnly answers as MongoDB does to a user who may read one database alone: no other one is in the list, and what
// reads another one is not authorized. To be called before the server runs, and after requireLogin.
func showOnly(server *ferretdb.FerretDB, name string) {
	*answerTo(server, "listDatabases") = func(context.Context, *wire.OpMsg) (*wire.OpMsg, error) {
		entry := wirebson.MustDocument("name", name, "sizeOnDisk", int64(1), "empty", false)
		return wire.NewOpMsg(wirebson.MustDocument("databases", wirebson.MustArray(entry), "ok", float64(1)))
	}
	for _, verb := range []string{"aggregate", "count", "find", "listCollections", "listIndexes"} {
		place := answerTo(server, verb)
		allowed := *place
		*place = func(ctx context.Context, message *wire.OpMsg) (*wire.OpMsg, error) {
			document, err := message.RawSection0().Decode()
			if err != nil {
				return nil, err
			}
			database := document.Get("$db")
			if database == name {
				return allowed(ctx, message)
			}
			words := fmt.Sprintf("not authorized on %v to execute command { %s: ... }", database, verb)
			return wire.NewOpMsg(wirebson.MustDocument(
				"ok", float64(0), "errmsg", words, "code", int32(13), "codeName", "Unauthorized",
			))
		}
	}
}

// answerTo finds the place of what answers a command.
func answerTo(server *ferretdb.FerretDB, verb string) *answer {
	commands := handlerOf(server).Elem().FieldByName("commands")
	commands = reflect.NewAt(commands.Type(), unsafe.Pointer(commands.UnsafeAddr())).Elem()
	command := commands.MapIndex(reflect.ValueOf(verb))
	return command.Elem().FieldByName("Handler").Addr().Interface().(*answer)
}

// optionsOf finds the options of a server's handler.
func optionsOf(server *ferretdb.FerretDB) reflect.Value {
	return handlerOf(server).Elem().FieldByName("NewOpts").Elem()
}

// handlerOf finds the handler of a server's commands.
func handlerOf(server *ferretdb.FerretDB) reflect.Value {
	listener := reflect.ValueOf(server).Elem().FieldByName("l")
	listener = reflect.NewAt(listener.Type(), unsafe.Pointer(listener.UnsafeAddr())).Elem()
	return listener.Elem().FieldByName("Handler")
}
