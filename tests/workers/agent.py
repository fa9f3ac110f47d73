#!/usr/bin/env python3
"""An agent that asks a model with the `openai` package: two calls one after the other, then two at the
same time, every other one streamed. `agent.py` reads one item from its standard input; `agent.py
--persistent` reads a line of JSON per run and answers with one.
"""
import asyncio
import json
import sys
import time

import openai


async def ask(client, prompt, stream):
    request = dict(model="m", messages=[{"role": "user", "content": prompt}], max_tokens=24)
    if not stream:
        answer = await client.chat.completions.create(**request)
        return answer.choices[0].message.content
    words = []
    async for chunk in await client.chat.completions.create(**request, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            words.append(chunk.choices[0].delta.content)
    return "".join(words)


async def run(client, question):
    plan = await ask(client, question, stream=False)
    await asyncio.sleep(0.05)  # a tool
    found = await ask(client, question + plan, stream=True)
    await asyncio.gather(ask(client, found, stream=False), ask(client, question, stream=True))


def persistent():
    # One client for all runs, as agents have: each run gets its own address.
    client = openai.AsyncOpenAI(base_url="http://127.0.0.1:1", api_key="none", max_retries=0)
    loop = asyncio.new_event_loop()
    for line in sys.stdin:
        started = time.monotonic()
        request = json.loads(line)
        known = client.with_options(base_url=request["base_url"])
        loop.run_until_complete(run(known, request["item"]["input"]))
        print(json.dumps({"id": request["id"], "runtime": time.monotonic() - started}), flush=True)


async def once():
    item = json.load(sys.stdin)
    await run(openai.AsyncOpenAI(max_retries=0), item["input"])


if "--persistent" in sys.argv:
    persistent()
else:
    asyncio.run(once())
