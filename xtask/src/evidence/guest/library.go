// A program that needs one function of the library, and is only scanned.
package main

import "github.com/vishvananda/netlink/nl"

func main() {
	socket, err := nl.Subscribe(0)
	if err != nil {
		panic(err)
	}
	messages, _, err := socket.Receive()
	println(len(messages), err)
}
