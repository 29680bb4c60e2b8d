// A program that links as much of Go's own assembly as one can: it names the packages
// that have some for arm64, and those that use them.
package main

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"reflect"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"runtime/trace"
	"sort"
	"strings"
	"sync/atomic"
	"syscall"
	"text/template"
	"time"
)

type shape struct{ n int }

// Area is called by reflection.
func (s shape) Area(k int) int { return s.n * k }

func hashes(b []byte) []byte {
	one, two, three, four := md5.Sum(b), sha1.Sum(b), sha256.Sum256(b), sha512.Sum512(b)
	sum := hmac.New(sha256.New, one[:])
	sum.Write(two[:])
	sum.Write(three[:])
	sum.Write(four[:])
	table := crc32.MakeTable(crc32.Castagnoli)
	return sum.Sum([]byte(fmt.Sprint(crc32.ChecksumIEEE(b), crc32.Checksum(b, table))))
}

func ciphers(key []byte) []byte {
	block, err := aes.NewCipher(key[:16])
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	counter := cipher.NewCTR(block, key[:16])
	out := make([]byte, 64)
	counter.XORKeyStream(out, out)
	cipher.NewCBCEncrypter(block, key[:16]).CryptBlocks(out, out)
	return gcm.Seal(nil, key[:gcm.NonceSize()], out, nil)
}

func curves(digest []byte) bool {
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	signature, err := ecdsa.SignASN1(rand.Reader, signer, digest)
	if err != nil {
		panic(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return ecdsa.VerifyASN1(&signer.PublicKey, digest, signature) &&
		ed25519.Verify(public, digest, ed25519.Sign(private, digest)) && other.E > 0
}

func numbers(x float64) *big.Int {
	n := big.NewInt(int64(math.Floor(x) + math.Exp(x) + math.Log(x) + math.Trunc(x)))
	for i := int64(1); i < 100; i++ {
		n.Mul(n, big.NewInt(i)).Add(n, n).Lsh(n, 3).Sub(n, big.NewInt(1)).Rsh(n, 1)
	}
	return n.Exp(n, big.NewInt(3), big.NewInt(1000003)).Div(n, big.NewInt(7))
}

func reflected(k int) int {
	method := reflect.ValueOf(shape{3}).MethodByName("Area")
	call := method.Interface().(func(int) int)
	made := reflect.MakeFunc(reflect.TypeOf(call), func(in []reflect.Value) []reflect.Value {
		return in
	})
	return call(k) + made.Interface().(func(int) int)(k) + int(method.Call(made.Call([]reflect.Value{reflect.ValueOf(k)}))[0].Int())
}

func system() {
	channel := make(chan os.Signal, 1)
	signal.Notify(channel, syscall.SIGUSR1)
	_ = exec.Command("true").Run()
	_ = syscall.Kill(syscall.Getpid(), 0)
	_ = pprof.StartCPUProfile(io.Discard)
	_ = trace.Start(io.Discard)
	trace.Stop()
	pprof.StopCPUProfile()
	debug.SetMaxStack(1 << 26)
	runtime.GC()
	_, _ = http.Get(os.Args[0])
	_, _ = tls.Dial("tcp", os.Args[0], nil)
}

func main() {
	var count atomic.Int64
	count.Add(1)
	text := []byte(strings.Repeat(os.Args[0], 3))
	fmt.Println(bytes.IndexByte(text, '/'), bytes.Count(text, text[:1]), strings.Index(os.Args[0], "x"))
	fmt.Println(bytes.Compare(text, text), bytes.Equal(text, text), count.Load(), time.Now())
	digest := hashes(text)
	fmt.Println(digest, ciphers(digest), curves(digest[:32]), numbers(float64(len(text))), reflected(len(text)))
	writer, _ := flate.NewWriter(os.Stdout, 9)
	_, _ = writer.Write(digest)
	_ = template.Must(template.New("x").Parse("{{.}}")).Execute(os.Stdout, sort.IsSorted(sort.IntSlice{1}))
	_ = json.NewEncoder(os.Stdout).Encode(digest)
	if len(os.Args) > 99 {
		system()
	}
}
