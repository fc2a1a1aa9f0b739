package main

import (
	"reflect"
	"unsafe"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// The embedding API has no switch for FerretDB's SCRAM authentication ("new auth", in its own command an
// experimental flag), so these two steps of its handler are taken once more with the switch on.

//go:linkname setup github.com/FerretDB/FerretDB/internal/handler.(*Handler).setup
func setup(handler unsafe.Pointer) error

//go:linkname initCommands github.com/FerretDB/FerretDB/internal/handler.(*Handler).initCommands
func initCommands(handler unsafe.Pointer)

// requireLogin creates the account and lets nobody else in; to be called before the server runs.
func requireLogin(server *ferretdb.FerretDB, user, password string) error {
	listener := reflect.ValueOf(server).Elem().FieldByName("l")
	listener = reflect.NewAt(listener.Type(), unsafe.Pointer(listener.UnsafeAddr())).Elem()
	handler := listener.Elem().FieldByName("Handler")
	options := handler.Elem().FieldByName("NewOpts").Elem()
	options.FieldByName("EnableNewAuth").SetBool(true)
	options.FieldByName("SetupDatabase").SetString("admin")
	options.FieldByName("SetupUsername").SetString(user)
	// A struct of this one string.
	*(*string)(options.FieldByName("SetupPassword").Addr().UnsafePointer()) = password
	if err := setup(handler.UnsafePointer()); err != nil {
		return err
	}
	initCommands(handler.UnsafePointer())
	return nil
}
