// One consumer of a group, with KafkaJS: BROKER GROUP TOPIC ID [KEY=VALUE ...]. Keys are those of a ConsumerConfig that
// are numbers. It commits each batch when it was handed over, and leaves when its standard input ends.
'use strict'

const { Kafka, logLevel } = require('kafkajs')

const say = (...words) => process.stdout.write(words.join(' ') + '\n')

async function main() {
  const [broker, group, topic, name, ...settings] = process.argv.slice(2)
  const config = {
    groupId: group,
    metadataMaxAge: 1000,
    maxWaitTimeInMs: 200,
    retry: { retries: 60, initialRetryTime: 100, maxRetryTime: 1000 },
  }
  for (const setting of settings) {
    const [key, value] = setting.split('=')
    config[key] = Number(value)
  }
  const logger = () => ({ label, log }) => process.stderr.write(`${label} ${JSON.stringify(log)}\n`)
  const kafka = new Kafka({ clientId: name, brokers: [broker], retry: config.retry, logLevel: logLevel.WARN, logCreator: logger })
  const consumer = kafka.consumer(config)
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
    say('assigned', ...Object.entries(payload.memberAssignment).flatMap(([t, ids]) => ids.map((id) => `${t}/${id}`))))
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) process.exit(1)
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic.startsWith('^') ? new RegExp(topic) : topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch, resolveOffset, isStale, isRunning }) => {
      if (isStale() || !isRunning()) return
      for (const message of batch.messages) {
        say('record', `${batch.topic}/${batch.partition}`, message.offset, message.value.toString())
        resolveOffset(message.offset)
      }
      const offset = (BigInt(batch.lastOffset()) + 1n).toString()
      try {
        await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset }])
        say('committed', `${batch.topic}/${batch.partition}`, offset)
      } catch (err) {
        process.stderr.write(`commit: ${err}\n`) // The next heartbeat finds out what is wrong, and joins anew.
      }
    },
  })
  process.stdin.resume()
  process.stdin.on('end', async () => {
    await consumer.disconnect()
    process.exit(0)
  })
}

main().catch((err) => {
  process.stderr.write(`${err.stack}\n`)
  process.exit(1)
})
