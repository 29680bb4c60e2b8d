// A program that does a little of everything that moves SP: large frames, stacks
// that grow and shrink, goroutines, panics, signals, reflection. It exits with 0
// if all of it came out as it should.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/signal"
	"reflect"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func leaf65616()
func nonleaf65616()
func leaf131088()
func nonleaf131088()
func leaf48()
func nonleaf4112()
func nothing()

func check(ok bool, what string) {
	if !ok {
		println("wrong:", what)
		os.Exit(1)
	}
}

//go:noinline
func touch(b []byte) int {
	b[0], b[len(b)-1] = 1, 2
	return int(b[0]) + int(b[len(b)-1])
}

//go:noinline
func large64K(at int) int {
	var b [64<<10 + 48]byte
	return touch(b[:]) + int(b[at&0xffff])
}

//go:noinline
func large128K(at int) int {
	var b [128<<10 + 48]byte
	return touch(b[:]) + int(b[at&0xffff])
}

// No calls: a leaf, with a frame that the compiler makes.
//
//go:noinline
func largeLeaf(at int) int {
	var b [64<<10 + 80]byte
	b[at&0xffff] = 3
	return int(b[(at+1)&0xffff]) + int(b[at&0xffff])
}

func frames() {
	nothing()
	leaf65616()
	nonleaf65616()
	leaf131088()
	nonleaf131088()
	leaf48()
	nonleaf4112()
	check(large64K(7) == 3, "large64K")
	check(large128K(7) == 3, "large128K")
	check(largeLeaf(7) == 3, "largeLeaf")
}

//go:noinline
func deep(n int) int {
	var pad [200]byte
	pad[n%200] = 1
	if n == 0 {
		return int(pad[0])
	}
	return deep(n-1) + int(pad[n%200])
}

func stacks() {
	var wg sync.WaitGroup
	grown, release := make(chan int), make(chan int)
	for i := 0; i < 3; i++ {
		wg.Add(1)
		go func(n int) {
			defer wg.Done()
			check(deep(n) == n+1, "deep")
			grown <- n
			// The collector shrinks the stack here.
			<-release
			check(deep(10) == 11, "deep after a collection")
		}(100 * (i + 1))
	}
	for i := 0; i < 3; i++ {
		<-grown
	}
	runtime.GC()
	runtime.GC()
	close(release)
	wg.Wait()
}

func goroutines() {
	numbers, results := make(chan int), make(chan int, 4)
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for w := 0; w < 4; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := range numbers {
				mu.Lock()
				total += n
				mu.Unlock()
				select {
				case results <- n * n:
				default:
					runtime.Gosched()
				}
			}
		}()
	}
	quit := make(chan struct{})
	go func() {
		for n := 0; n < 60; n++ {
			numbers <- n
		}
		close(numbers)
		wg.Wait()
		close(quit)
	}()
	for done := false; !done; {
		select {
		case <-results:
		case <-quit:
			done = true
		case <-time.After(time.Minute):
			check(false, "a minute has passed")
		}
	}
	check(total == 60*59/2, "sum over a channel")
}

// Is preempted in its loop, which makes no calls.
func preemption() {
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i := 0; i < 2; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for x := uint32(1); !stop.Load(); x = x*1664525 + 1013904223 {
			}
		}()
	}
	for i := 0; i < 4; i++ {
		time.Sleep(time.Millisecond)
		runtime.GC()
	}
	stop.Store(true)
	wg.Wait()
}

//go:noinline
func recovered(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("recovered: %v", r)
		}
	}()
	f()
	return nil
}

//go:noinline
func deferLoop(n int) (sum int) {
	for i := 0; i < n; i++ {
		i := i
		defer func() { sum += i }()
	}
	return 0
}

var nilMap map[string]int
var nilPointer *[4]int
var nilFunc func()

func panics() {
	check(recovered(func() {}) == nil, "no panic")
	check(recovered(func() { panic("a") }) != nil, "panic")
	check(recovered(func() { nilMap["a"] = 1 }) != nil, "nil map")
	check(recovered(func() { nilPointer[1]++ }) != nil, "nil pointer")
	check(recovered(func() { nilFunc() }) != nil, "nil function")
	check(recovered(func() { _ = nilPointer[len(os.Args)+9] }) != nil, "index")
	check(recovered(func() {
		defer func() { panic("again") }()
		deep(20)
		panic("first")
	}) != nil, "panic in a panic")
	check(recovered(func() {
		check(recovered(func() { panic(errors.New("inner")) }) != nil, "inner")
		panic("outer")
	}) != nil, "outer")
	check(recovered(func() { large64K(recursePanic(5)) }) != nil, "panic below frames")
	check(deferLoop(10) == 45, "deferred in a loop")
	done := make(chan bool)
	go func() {
		defer close(done)
		defer func() { recover() }()
		runtime.Goexit()
	}()
	<-done
}

//go:noinline
func recursePanic(n int) int {
	if n == 0 {
		panic("deep")
	}
	defer func() { n++ }()
	return recursePanic(n-1) + n
}

type shape interface{ area(scale int) int }
type square struct{ side int }

func (s square) area(scale int) int { return s.side * s.side * scale }

func reflection() {
	add := func(a int, b string, c [3]float64) (string, int) { return b + strconv.Itoa(a), int(c[1]) }
	args := []reflect.Value{
		reflect.ValueOf(3), reflect.ValueOf("x"), reflect.ValueOf([3]float64{1, 2, 3}),
	}
	out := reflect.ValueOf(add).Call(args)
	check(out[0].String() == "x3" && out[1].Int() == 2, "reflect.Call")
	var swap func(int, int) (int, int)
	made := reflect.MakeFunc(reflect.TypeOf(swap), func(in []reflect.Value) []reflect.Value {
		return []reflect.Value{in[1], in[0]}
	})
	reflect.ValueOf(&swap).Elem().Set(made)
	a, b := swap(1, 2)
	check(a == 2 && b == 1, "reflect.MakeFunc")
	method := reflect.ValueOf(square{3}).MethodByName("area")
	_ = method
	var s shape = square{3}
	bound := s.area
	check(bound(2) == 18, "a method value")
}

func values() {
	counts := map[string]int{}
	for _, word := range strings.Fields(strings.Repeat("the quick brown fox jumps ", 8)) {
		counts[strings.ToUpper(word)]++
	}
	keys := make([]string, 0, len(counts))
	for key, count := range counts {
		check(count == 8, "a count")
		keys = append(keys, key)
	}
	sort.Strings(keys)
	sort.Slice(keys, func(i, j int) bool { return keys[i] > keys[j] })
	check(strings.Join(keys, ",") == "THE,QUICK,JUMPS,FOX,BROWN", "sorted")
	encoded, err := json.Marshal(map[string]any{"a": []int{1, 2}, "b": map[string]string{"c": "d"}})
	check(err == nil && bytes.Contains(encoded, []byte(`"c":"d"`)), "JSON")
	var decoded map[string]any
	check(json.Unmarshal(encoded, &decoded) == nil && len(decoded) == 2, "JSON back")
	re := regexp.MustCompile(`(\w+)@(\w+)\.com`)
	check(re.ReplaceAllString("me@here.com", "$2") == "here", "regexp")
	sum := sha256.Sum256(bytes.Repeat([]byte("abc"), 100))
	product := new(big.Int).SetBytes(sum[:])
	product.Exp(product, big.NewInt(5), nil)
	check(len(product.String()) > 300, "a product")
	check(fmt.Sprintf("%v %x %8.3f %q", counts["FOX"], 255, 3.14159, "q") == `8 ff    3.142 "q"`, "fmt")
}

func signals() {
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGUSR1)
	for i := 0; i < 3; i++ {
		check(syscall.Kill(syscall.Getpid(), syscall.SIGUSR1) == nil, "kill")
		check(<-received == syscall.SIGUSR1, "a signal")
	}
	signal.Stop(received)
}

func main() {
	rounds := 1
	if len(os.Args) > 1 {
		rounds, _ = strconv.Atoi(os.Args[1])
	}
	for round := 0; round < rounds; round++ {
		frames()
		stacks()
		goroutines()
		panics()
		reflection()
		preemption()
		values()
		signals()
	}
}
