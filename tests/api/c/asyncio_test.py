"""The C interface from Python's asyncio: asyncio_test.py LIBRARY MODEL.

Completions run on weft's threads; each hands over to the loop with call_soon_threadsafe and
returns. The standard library only.
"""

import asyncio
import ctypes
import itertools
import sys
import unittest
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_float, c_int32, c_int64, c_size_t
from ctypes import c_uint64, c_void_p, sizeof

LIBRARY, MODEL = sys.argv[1:3]
NTS = c_size_t(-1).value
CANCELLED, NOT_FOUND = 100, 2


class StreamConfig(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t), ("max_tokens", c_int32), ("temperature", c_float),
        ("top_k", c_int32), ("top_p", c_float), ("seed", c_uint64), ("buffer", c_int32),
        ("timeout_ms", c_int64), ("delay_ms", c_int64), ("stop_sequences", c_void_p),
        ("num_stop_sequences", c_size_t)]


class Token(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t), ("token_id", c_int32), ("is_final", c_int32),
        ("logprob", c_float), ("text", c_char_p), ("size", c_size_t)]


ON_HANDLE = CFUNCTYPE(None, c_void_p, c_void_p, c_void_p)
ON_TEXT = CFUNCTYPE(None, c_void_p, c_void_p, POINTER(ctypes.c_char), c_size_t)
ON_TOKEN = CFUNCTYPE(None, c_void_p, c_void_p, POINTER(Token))

weft = ctypes.CDLL(LIBRARY)
for name, result, arguments in [
        ("weft_version", c_char_p, []),
        ("weft_error_status", c_int32, [c_void_p]),
        ("weft_error_message", c_char_p, [c_void_p]),
        ("weft_error_free", None, [c_void_p]),
        ("weft_cancel_new", c_int32, [POINTER(c_void_p), c_void_p]),
        ("weft_cancel_request", None, [c_void_p]),
        ("weft_cancel_free", None, [c_void_p]),
        ("weft_stream_config_init", None, [POINTER(StreamConfig), c_size_t]),
        ("weft_async_model_load", c_int32,
         [c_void_p, c_char_p, c_void_p, ON_HANDLE, c_void_p, POINTER(c_void_p)]),
        ("weft_async_model_generate", c_int32,
         [c_void_p, c_char_p, c_size_t, c_int32, c_void_p, ON_TEXT, c_void_p, POINTER(c_void_p)]),
        ("weft_async_model_generate_stream", c_int32,
         [c_void_p, c_char_p, c_size_t, POINTER(StreamConfig), c_void_p, ON_HANDLE, c_void_p,
          POINTER(c_void_p)]),
        ("weft_async_model_free", None, [c_void_p]),
        ("weft_stream_next", c_int32, [c_void_p, ON_TOKEN, c_void_p, POINTER(c_void_p)]),
        ("weft_stream_free", None, [c_void_p])]:
    function = getattr(weft, name)
    function.restype, function.argtypes = result, arguments


class WeftError(Exception):
    def __init__(self, error):
        super().__init__(weft.weft_error_message(error).decode())
        self.status = weft.weft_error_status(error)


# What is waited for, by the number that is its completion's user_data. The completions themselves
# live as long as the program: one must not be freed while it returns.
waiting = {}
numbers = itertools.count(1)


def settle(future, value, error):
    if future.done():
        return
    future.set_exception(error) if error else future.set_result(value)


def completion(kind):
    @kind
    def on_completion(number, error, *values):
        # What is given is valid until this returns: it is copied here, on weft's thread.
        loop, future, convert = waiting.pop(number)
        failure = WeftError(error) if error else None
        value = None if error else convert(*values)
        loop.call_soon_threadsafe(settle, future, value, failure)

    return on_completion


on_handle, on_text, on_token = completion(ON_HANDLE), completion(ON_TEXT), completion(ON_TOKEN)


def call(start, on_completion, convert):
    """Starts asynchronous work: a future of what its completion brings."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    number = next(numbers)
    waiting[number] = (loop, future, convert)
    error = c_void_p()
    if start(on_completion, number, byref(error)) != 0:
        del waiting[number]
        refused = WeftError(error)
        weft.weft_error_free(error)
        raise refused
    return future


class Model:
    @staticmethod
    async def load(path):
        model = Model()
        model.handle = await call(
            lambda *rest: weft.weft_async_model_load(None, path.encode(), None, *rest), on_handle,
            lambda handle: handle)
        return model

    def generate(self, prompt, max_tokens, cancel=None):
        return call(
            lambda *rest: weft.weft_async_model_generate(
                self.handle, prompt.encode(), NTS, max_tokens, cancel, *rest), on_text,
            lambda text, size: ctypes.string_at(text, size).decode())

    async def stream(self, prompt, config):
        stream = await call(
            lambda *rest: weft.weft_async_model_generate_stream(
                self.handle, prompt.encode(), NTS, byref(config), None, *rest), on_handle,
            lambda handle: handle)
        try:
            while token := await call(
                    lambda *rest: weft.weft_stream_next(stream, *rest), on_token,
                    lambda t: (t[0].token_id, ctypes.string_at(t[0].text, t[0].size).decode(),
                               t[0].is_final) if t else None):
                yield token
        finally:
            weft.weft_stream_free(stream)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        weft.weft_async_model_free(self.handle)


def config(**values):
    result = StreamConfig()
    weft.weft_stream_config_init(byref(result), sizeof(result))
    for name, value in values.items():
        setattr(result, name, value)
    return result


class AsyncioTest(unittest.IsolatedAsyncioTestCase):
    async def test_a_future_brings_the_text(self):
        with await Model.load(MODEL) as model:
            self.assertTrue(await model.generate("Once upon a time", 12))

    async def test_errors_are_raised_where_they_are_awaited(self):
        with self.assertRaises(WeftError) as raised:
            await Model.load("/no/such/model.gguf")
        self.assertEqual(raised.exception.status, NOT_FOUND)
        self.assertIn("/no/such/model.gguf", str(raised.exception))

    async def test_a_stream_is_iterated_and_its_parts_are_the_whole(self):
        with await Model.load(MODEL) as model:
            whole = await model.generate("Hello", 16)
            tokens = [token async for token in model.stream("Hello", config(max_tokens=16))]
            self.assertEqual("".join(text for _, text, _ in tokens), whole)
            self.assertEqual([final for _, _, final in tokens if final], [1])

    async def test_many_are_awaited_at_once_and_equal_their_solo_runs(self):
        prompts = [f"Story number {i}" for i in range(24)]
        with await Model.load(MODEL) as model:
            together = await asyncio.gather(*(model.generate(p, 10) for p in prompts))
            alone = [await model.generate(p, 10) for p in prompts]
            self.assertEqual(together, alone)

    async def test_one_is_cancelled_and_the_others_go_on(self):
        cancel = c_void_p()
        self.assertEqual(weft.weft_cancel_new(byref(cancel), None), 0)
        with await Model.load(MODEL) as model:
            # Four streams that nobody reads hold all places, so that it waits when it is cancelled.
            held = [model.stream("Hello", config(max_tokens=1500, buffer=1)) for _ in range(4)]
            for stream in held:
                await anext(stream)
            doomed = model.generate("Hello", 8, cancel)
            others = [model.generate("Hello", 8) for _ in range(3)]
            weft.weft_cancel_request(cancel)
            with self.assertRaises(WeftError) as raised:
                await doomed
            self.assertEqual(raised.exception.status, CANCELLED)
            for stream in held:
                await stream.aclose()
            texts = await asyncio.gather(*others)
            self.assertEqual(texts, texts[:1] * 3)
        weft.weft_cancel_free(cancel)

    async def test_the_loop_runs_on_while_the_model_works(self):
        beats = 0

        async def beat():
            nonlocal beats
            while True:
                beats += 1
                await asyncio.sleep(0)

        with await Model.load(MODEL) as model:
            heart = asyncio.ensure_future(beat())
            await model.generate("Hello", 64)
            heart.cancel()
        self.assertGreater(beats, 1)

    async def test_freed_with_calls_under_way_each_future_is_settled(self):
        with await Model.load(MODEL) as model:
            futures = [model.generate("Hello", 400) for _ in range(20)]
        results = await asyncio.gather(*futures, return_exceptions=True)
        self.assertEqual(len(results), 20)
        for result in results:
            self.assertIsInstance(result, (str, WeftError))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
