package main

import (
	"net/url"
	"reflect"
	"unsafe"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// The embedding API has switches neither for FerretDB's SCRAM authentication ("new auth", in its own command an
// experimental flag) nor for the name of a replica set. So the options of its handler are set from outside, and two
// steps of the handler's start taken once more.

//go:linkname setup github.com/FerretDB/FerretDB/internal/handler.(*Handler).setup
func setup(handler unsafe.Pointer) error

//go:linkname initCommands github.com/FerretDB/FerretDB/internal/handler.(*Handler).initCommands
func initCommands(handler unsafe.Pointer)

// requireLogin creates the account and lets nobody else in; to be called before the server runs.
func requireLogin(server *ferretdb.FerretDB, user, password string) error {
	handler, options := handlerOf(server)
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
	_, options := handlerOf(server)
	options.FieldByName("ReplSetName").SetString(name)
	// Clients go on with the address that the members name, whatever they have asked first.
	options.FieldByName("TCPHost").SetString(uri.Host)
	return nil
}

// handlerOf finds the handler of a server's commands, and its options.
func handlerOf(server *ferretdb.FerretDB) (unsafe.Pointer, reflect.Value) {
	listener := reflect.ValueOf(server).Elem().FieldByName("l")
	listener = reflect.NewAt(listener.Type(), unsafe.Pointer(listener.UnsafeAddr())).Elem()
	handler := listener.Elem().FieldByName("Handler")
	return handler.UnsafePointer(), handler.Elem().FieldByName("NewOpts").Elem()
}
