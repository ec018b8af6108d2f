// Command s3-server keeps the objects of one bucket in memory and serves them over the S3 API, for tests: over TLS
// alone, and to requests that the one account has signed (Signature Version 4).
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
)

// version is set by the linker.
var version = "v0.0.0"

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(version)
		return
	}
	address := flag.String("address", "", "host:port to listen at")
	certificate := flag.String("certificate", "", "PEM file")
	key := flag.String("key", "", "PEM file of its private key")
	bucket := flag.String("bucket", "", "the bucket")
	flag.Parse()
	backend := s3mem.New()
	if err := backend.CreateBucket(context.Background(), *bucket); err != nil {
		log.Fatal(err)
	}
	account := map[string]string{os.Getenv("S3_ACCESS_KEY"): os.Getenv("S3_SECRET_KEY")}
	handler := gofakes3.New(backend, gofakes3.WithV4Auth(account)).Server()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ServeTLS(listener, handler, *certificate, *key))
}
