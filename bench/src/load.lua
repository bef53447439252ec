-- What wrk sends: the requests of a file, one after the other, for ever or once.
--
-- A line of the file has method, path, token, type of the body and body,
-- separated by tabs. {n} in path or body becomes a number that no other
-- request of this run has. The last line that is printed is JSON.

local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } polity_time;
  int clock_gettime(int clock, polity_time *time);
]]

local time = ffi.new("polity_time")
local function now()
  ffi.C.clock_gettime(1, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) * 1e-9
end

local main
function setup(thread)
  main = thread
end

local ready, templates, last, once = {}, {}, 0, false
local position, number = 0, 0
sent, started, ended = 0, 0, 0

local function format(line, n)
  local method, path, token, kind, body = line:match("^(%S+)\t(%S+)\t([^\t]*)\t([^\t]*)\t(.*)$")
  local headers = {}
  if token ~= "" then headers["authorization"] = "Bearer " .. token end
  if kind ~= "" then headers["content-type"] = kind end
  if body == "" then body = nil end
  if n then
    path = path:gsub("{n}", n)
    body = body and body:gsub("{n}", n)
  end
  return wrk.format(method, path, headers, body)
end

function init(args)
  once = args[2] == "once"
  number = tonumber(args[3])
  for line in io.lines(args[1]) do
    last = last + 1
    if line:find("{n}", 1, true) then
      templates[last] = line
    else
      ready[last] = format(line)
    end
  end
end

function request()
  position = position + 1
  if sent == 0 then started = now() end
  if position > last then
    if once then
      if ended == 0 then ended = now() end
      wrk.thread:stop()
    end
    position = 1
  end
  sent = sent + 1
  local text = ready[position]
  if text then return text end
  number = number + 1
  return format(templates[position], string.format("%d", number))
end

function done(summary, latency, requests)
  local errors = summary.errors
  local first, final = main:get("started"), main:get("ended")
  local seconds = summary.duration * 1e-6
  if final > 0 then seconds = final - first end
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"p999_us":%d,"max_us":%d,"bytes":%d,'
      .. '"refused":%d,"socket_errors":%d}\n',
    summary.requests, seconds, latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max,
    summary.bytes, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
