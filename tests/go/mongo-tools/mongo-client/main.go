// What the tests need of a MongoDB shell, in and out as relaxed extended JSON, one document per line.
//
//	mongo-client URI insert DATABASE COLLECTION   (documents on stdin)
//	mongo-client URI find DATABASE COLLECTION     (sorted by _id)
//	mongo-client URI collections DATABASE
//	mongo-client URI databases
//	mongo-client URI drop DATABASE
//	mongo-client URI index DATABASE COLLECTION FIELD  (makes one)
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
)

// longestLineBytes lets one document be as large as MongoDB's own limit of 16 MB, in its JSON form.
const longestLineBytes = 64 << 20

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := act(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func act(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("usage: mongo-client URI insert|find|collections|databases|drop|index [DATABASE [COLLECTION [FIELD]]]")
	}
	client, err := mongo.Connect(ctx, options.Client().ApplyURI(args[0]).SetServerSelectionTimeout(10*time.Second))
	if err != nil {
		return err
	}
	defer client.Disconnect(ctx)
	verb, rest := args[1], args[2:]
	switch {
	case verb == "databases" && len(rest) == 0:
		return names(client.ListDatabaseNames(ctx, bson.D{}))
	case verb == "collections" && len(rest) == 1:
		return names(client.Database(rest[0]).ListCollectionNames(ctx, bson.D{}))
	case verb == "drop" && len(rest) == 1:
		return client.Database(rest[0]).Drop(ctx)
	case verb == "insert" && len(rest) == 2:
		return insert(ctx, client.Database(rest[0]).Collection(rest[1]), os.Stdin)
	case verb == "find" && len(rest) == 2:
		return find(ctx, client.Database(rest[0]).Collection(rest[1]))
	case verb == "index" && len(rest) == 3:
		keys := bson.D{{Key: rest[2], Value: 1}}
		_, err := client.Database(rest[0]).Collection(rest[1]).Indexes().CreateOne(ctx, mongo.IndexModel{Keys: keys})
		return err
	}
	return fmt.Errorf("%s with %d arguments is not known", verb, len(rest))
}

func names(found []string, err error) error {
	sort.Strings(found)
	for _, name := range found {
		fmt.Println(name)
	}
	return err
}

func insert(ctx context.Context, into *mongo.Collection, from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, longestLineBytes)
	for lines.Scan() {
		var document bson.D
		if err := bson.UnmarshalExtJSON(lines.Bytes(), false, &document); err != nil {
			return err
		}
		if _, err := into.InsertOne(ctx, document); err != nil {
			return err
		}
	}
	return lines.Err()
}

func find(ctx context.Context, in *mongo.Collection) error {
	cursor, err := in.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return err
	}
	defer cursor.Close(ctx)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for cursor.Next(ctx) {
		line, err := bson.MarshalExtJSON(cursor.Current, false, false)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", line)
	}
	return cursor.Err()
}
