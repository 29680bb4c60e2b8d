// A program of libraries whose functions have large frames.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/fsnotify/fsnotify"
	"github.com/golang/snappy"
	"github.com/klauspost/compress/s2"
	"github.com/vishvananda/netlink"
)

func main() {
	data, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	plain, err := snappy.Decode(nil, snappy.Encode(nil, data))
	fmt.Println(bytes.Equal(plain, data), err)
	fmt.Println(len(s2.EncodeBest(nil, data)), len(s2.EncodeBetter(nil, data)), len(s2.Encode(nil, data)))
	var stream bytes.Buffer
	writer := s2.NewWriter(&stream, s2.WriterSnappyCompat())
	writer.Write(data)
	writer.Close()
	io.Copy(os.Stdout, s2.NewReader(&stream))
	io.Copy(os.Stdout, snappy.NewReader(&stream))
	links, err := netlink.LinkList()
	fmt.Println(len(links), err)
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		panic(err)
	}
	watcher.Add(".")
	fmt.Println(<-watcher.Events)
}
